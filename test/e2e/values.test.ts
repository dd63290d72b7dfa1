import { describe, expect, it } from '@jest/globals';
import { postgresObjects } from '../../e2e/cluster/postgres.ts';
import { imageOf, valueArgs, valuesOf, type Wishes } from '../../e2e/cluster/values.ts';
import { faultsOf } from '../chart/schemas.ts';
import { ofKind, podsOf, render, type KubeObject } from '../support/render.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const wishes: Wishes = {
  image: imageOf('registry.example.com:5000/shop/tradewind:0.1.0'),
  pullPolicy: 'Never',
  brokerClass: 'MTChannelBasedBroker',
  storage: 'sqlite',
  files: [],
  sets: [],
};

describe('the image that a run is given', () => {
  it.each([
    ['tradewind:0.1.0', 'tradewind:0.1.0'],
    ['localhost:5000/tradewind:v1', 'localhost:5000/tradewind:v1'],
    [`ghcr.io/example/tradewind@${DIGEST}`, `ghcr.io/example/tradewind@${DIGEST}`],
    [`ghcr.io/example/tradewind:0.1.0@${DIGEST}`, `ghcr.io/example/tradewind@${DIGEST}`],
    // Values that look like numbers are none.
    ['tradewind:1', 'tradewind:1'],
    ['tradewind:1e3', 'tradewind:1e3'],
  ])('%s is what every Pod runs', async (name, runs) => {
    const objects = await render({ values: valuesOf({ ...wishes, image: imageOf(name) }, 1) });
    const images = podsOf(objects).flatMap(({ spec }) => spec.containers);
    expect(images.length).toBeGreaterThan(5);
    expect([...new Set(images.map((each) => `${each.image} ${each.imagePullPolicy}`))]).toEqual([
      `${runs} Never`,
    ]);
  });

  it.each([
    '',
    'tradewind',
    'localhost:5000/tradewind',
    'tradewind:',
    'trade wind:1',
    'tradewind@sha256:12',
    ':1',
  ])('has to have a tag or a digest: "%s"', (name) => {
    expect(() => imageOf(name)).toThrow('--image must be like registry.example.com/tradewind:0.1.0');
  });
});

describe('the values of a run', () => {
  it('give every Deployment another template at each upgrade, and nothing else', async () => {
    const [before, after] = await Promise.all(
      [1, 2].map((revision) => render({ values: valuesOf(wishes, revision) })),
    );
    const deployments = ofKind(before ?? [], 'Deployment');
    expect(deployments.length).toBeGreaterThan(4);
    const changed = (before ?? []).filter(
      (each, index) => JSON.stringify(each) !== JSON.stringify(after?.[index]),
    );
    // The Jobs of hooks are made anew at every upgrade anyway.
    const lasting = changed.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === undefined);
    expect(lasting).toEqual(deployments);
  });

  it('choose the class of the Broker and where data is kept', async () => {
    const values = valuesOf({ ...wishes, brokerClass: 'Kafka', storage: 'postgres' }, 1);
    const objects = await render({ values });
    const [broker] = ofKind(objects, 'Broker');
    expect(broker?.metadata.annotations).toMatchObject({ 'eventing.knative.dev/broker.class': 'Kafka' });
    expect(ofKind(objects, 'PersistentVolumeClaim')).toEqual([]);
  });

  it('are given to Helm below those of whoever runs it', () => {
    const args = valueArgs({ ...wishes, files: ['mine.yaml'], sets: ['a=b'] }, 'own.yaml');
    expect(args).toEqual(['--values', 'own.yaml', '--values', 'mine.yaml', '--set', 'a=b']);
  });
});

describe('the PostgreSQL of a run', () => {
  const objects = postgresObjects('postgres:18-alpine', 'secret').map((each) => each as KubeObject);

  it('is made of what an API server accepts', async () => {
    const faults = await Promise.all(objects.map(faultsOf));
    expect(faults.flat()).toEqual([]);
  });

  it('is as restricted as the namespace wants it', () => {
    const [pod] = podsOf(objects);
    expect(pod?.spec).toMatchObject({
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } }],
    });
  });

  it('is what every service of the chart has its connection string from', async () => {
    const values = valuesOf({ ...wishes, storage: 'postgres' }, 1);
    const mounted = ofKind(await render({ values }), 'Deployment').flatMap(({ spec }) =>
      spec.template.spec.volumes.flatMap(
        (volume: { projected?: { sources: { secret?: { name: string; items: { key: string }[] } }[] } }) =>
          volume.projected?.sources.flatMap(({ secret }) =>
            secret?.name === 'databases' ? secret.items : [],
          ) ?? [],
      ),
    );
    const [secret] = ofKind(objects, 'Secret');
    expect(mounted.map(({ key }: { key: string }) => secret?.['stringData'][key])).toEqual(
      Array.from({ length: 5 }, () => 'postgres://tradewind:secret@postgres:5432/tradewind?sslmode=disable'),
    );
  });
});
