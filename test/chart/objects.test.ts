import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readManifests } from '../../platform/broker/manifests.ts';
import { parseDuration } from '../../platform/duration.ts';
import { readSettings, serviceSettings } from '../../platform/settings.ts';
import { services } from '../../services/index.ts';
import { ledger } from '../../services/ledger/service.ts';
import type { LedgerSettings } from '../../services/ledger/settings.ts';
import { doorOf, isAllowed } from '../../services/ledger/targets.ts';
import { root } from '../support/root.ts';
import {
  chart,
  find,
  ofKind,
  openChartWith,
  podsOf,
  render,
  triggerFor,
  type KubeObject,
} from '../support/render.ts';

const { triggers: wiring, brokers: wiredBrokers } = readManifests(join(root, 'k8s'));
const variants = globSync('{ci/*-values,values-prod}.yaml', { cwd: chart }).toSorted();

interface Values {
  readonly services?: Readonly<Record<string, { readonly enabled?: boolean }>>;
}

describe.each(variants)('with %s', (file) => {
  const values = parse(readFileSync(join(chart, file), 'utf8')) as Values;
  const running = services.filter(({ name }) => values.services?.[name]?.enabled !== false);
  let objects: KubeObject[];
  beforeAll(async () => {
    objects = await render({ files: [join(chart, file)] });
  });

  it('runs every service of the shop that is not off, and no other', () => {
    const run = ofKind(objects, 'Deployment').map(({ spec }) => spec.template.spec.containers[0].args[0]);
    expect(new Set(run)).toEqual(new Set(running.map(({ name }) => name)));
  });

  it('refers to nothing that is not there', () => {
    const has = (kind: string, name: string): boolean =>
      objects.some((each) => each.kind === kind && each.metadata.name === name);
    const brokers = ofKind(objects, 'Broker');
    const senders = [...ofKind(objects, 'Trigger'), ...ofKind(objects, 'SinkBinding')];
    const missing = [
      ...ofKind(objects, 'Trigger').map(({ spec }) => ['Service', spec.subscriber.ref.name]),
      ...ofKind(objects, 'SinkBinding').map(({ spec }) => ['Deployment', spec.subject.name]),
      ...(brokers.length === 0
        ? []
        : senders.map(({ spec }) => ['Broker', spec.broker ?? spec.sink.ref.name])),
      ...brokers
        .flatMap(({ spec }) => spec.delivery.deadLetterSink.ref ?? [])
        .map((ref) => [ref.kind, ref.name]),
      ...podsOf(objects).flatMap(({ spec }) => [
        ...[spec.serviceAccountName ?? []].flat().map((name: string) => ['ServiceAccount', name]),
        ...(spec.volumes ?? [])
          .flatMap((volume: KubeObject) => volume['persistentVolumeClaim'] ?? [])
          .map((claim: { claimName: string }) => ['PersistentVolumeClaim', claim.claimName]),
      ]),
      ...ofKind(objects, 'Deployment').map(({ spec }) => [
        'ConfigMap',
        spec.template.spec.containers[0].envFrom[0].configMapRef.name,
      ]),
    ].filter(([kind = '', name = '']) => !has(kind, name));
    expect(missing).toEqual([]);
  });

  it('gives each Service, budget and policy the Pods that it is named after', () => {
    const pods = podsOf(objects);
    for (const { kind, metadata, spec } of objects) {
      const selector =
        kind === 'Service'
          ? spec.selector
          : kind === 'PodDisruptionBudget'
            ? spec.selector.matchLabels
            : undefined;
      if (!selector) continue;
      const names = pods.filter(({ labels }) => matches(selector, labels)).map(({ name }) => name);
      expect(names).toEqual([`Deployment ${metadata.name}`]);
    }
  });

  it('keeps every Pod within the restricted profile, but for what a user laid over it', () => {
    for (const { name, spec } of podsOf(objects)) {
      expect([name, spec]).toEqual([
        name,
        expect.objectContaining({
          enableServiceLinks: false,
          automountServiceAccountToken: /^Job .*-(secrets|preflight)$/.test(name),
          securityContext: expect.objectContaining({
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
          }),
        }),
      ]);
      const { securityContext: own, resources } = spec.containers[0];
      expect(own).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
      expect(own.readOnlyRootFilesystem).toBe(!file.includes('extras'));
      expect(Object.keys(resources)).toEqual(['limits', 'requests']);
    }
  });

  it('sets only what services read, and leaves the Broker’s address to the SinkBinding', () => {
    for (const { name, settings } of running) {
      const config = ofKind(objects, 'ConfigMap').find(
        ({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === name,
      );
      const variables = Object.keys(config?.['data'] as object);
      const known = { ...serviceSettings, ...settings };
      // OIDC_… are read once the services check tokens themselves.
      expect(variables.filter((each) => !(each in known) && !each.startsWith('OIDC_'))).toEqual([]);
      expect(variables).not.toContain('K_SINK');
    }
    expect(JSON.stringify(ofKind(objects, 'Deployment'))).not.toContain('K_SINK');
  });

  it('gives a service that ends more time than it takes', () => {
    for (const { metadata, spec } of ofKind(objects, 'Deployment')) {
      const { data } = find(objects, 'ConfigMap', metadata.name) as KubeObject & {
        data: Record<string, string>;
      };
      const needed = ['SHUTDOWN_DELAY', 'SHUTDOWN_GRACE'].map(
        (name) => parseDuration(data[name] ?? '') ?? NaN,
      );
      expect(needed[1]).toBeGreaterThan(wiredBrokers[0]?.delivery?.timeout ?? NaN);
      const { terminationGracePeriodSeconds: given } = spec.template.spec;
      expect(given * 1000).toBeGreaterThan((needed[0] ?? NaN) + (needed[1] ?? NaN));
    }
  });

  it('says nothing that is secret', () => {
    expect(ofKind(objects, 'Secret')).toEqual([]);
  });
});

function matches(selector: object, labels: object): boolean {
  return Object.entries(selector).every(([key, value]) => (labels as Record<string, unknown>)[key] === value);
}

/** What the ledger of a release reads from its ConfigMap. */
function ledgerSettings(objects: readonly KubeObject[], release = 'shop'): LedgerSettings {
  const { data } = find(objects, 'ConfigMap', `${release}-ledger`);
  return readSettings(ledger, data as Record<string, string>) as unknown as LedgerSettings;
}

describe('the ledger', () => {
  it.each([
    ['http://shop-payment.market.svc.cluster.local/events', true],
    ['http://shop-payment.market.svc/events', true],
    ['http://other.market.svc.cluster.local:8080/events', true],
    ['http://payment.bank.svc.cluster.local/events', false],
    ['http://market.svc.cluster.local/events', false],
    ['http://evilmarket.svc.cluster.local/events', false],
    ['http://kubernetes.default.svc/events', false],
    ['http://169.254.169.254/events', false],
    ['http://localhost/events', false],
  ])('delivers again within its namespace alone: %s %s', async (address, allowed) => {
    expect(isAllowed(address, ledgerSettings(await render()).REDRIVE_HOSTS)).toBe(allowed);
  });

  it('finds every service of the release by its plain name', async () => {
    const values = { clusterDomain: 'cluster.example', services: { notification: {} } };
    using copy = openChartWith({ 'triggers/notification.yaml': triggerFor('notification') });
    const objects = await render({ release: 'eu', values, from: copy.folder });
    for (const name of [...services.map((each) => each.name), 'notification']) {
      find(objects, 'Service', `eu-${name}`);
      expect(doorOf(name, ledgerSettings(objects, 'eu'))).toBe(
        `http://eu-${name}.market.svc.cluster.example/events`,
      );
    }
  });

  it('has a volume and memory for its archive and the longest dead letters', async () => {
    const objects = await render();
    const sizeOf = (part: string): unknown =>
      find(objects, 'PersistentVolumeClaim', `shop-${part}`)['spec'].resources.requests.storage;
    expect([sizeOf('ledger'), sizeOf('payment')]).toEqual(['8Gi', '1Gi']);
    const { limits } = find(objects, 'Deployment', 'shop-ledger')['spec'].template.spec.containers[0]
      .resources;
    expect(limits).toEqual({ cpu: '1', memory: '768Mi' });
  });

  it('keeps events only where dead letters go elsewhere', async () => {
    const uri = 'https://dead-letters.example.com/';
    const objects = await render({ values: { broker: { deadLetterSink: { uri } } } });
    expect(find(objects, 'Broker', 'shop')['spec'].delivery.deadLetterSink).toEqual({ uri });
    find(objects, 'Trigger', 'shop-ledger-internal');
    expect(JSON.stringify(objects)).not.toContain('/dead-letters"');
  });
});

describe('the wiring', () => {
  it('is that of k8s/, each name with the release before it', async () => {
    const triggers = ofKind(await render(), 'Trigger');
    expect(
      triggers.map(({ metadata, spec }) => ({
        name: metadata.name,
        broker: spec.broker,
        attributes: spec.filter.attributes,
        subscriber: spec.subscriber,
      })),
    ).toEqual(
      wiring.map(({ name, attributes, subscriber }) => ({
        name: `shop-${name}`,
        broker: 'shop',
        attributes,
        subscriber: { ref: { ...subscriber.ref, name: `shop-${subscriber.ref?.name}` }, uri: '/events' },
      })),
    );
  });

  it('comes with the Broker of k8s/, whose dead letters go to this release’s ledger', async () => {
    const { metadata, spec } = find(await render(), 'Broker', 'shop');
    expect(metadata.annotations).toEqual({ 'eventing.knative.dev/broker.class': 'MTChannelBasedBroker' });
    expect(spec).toEqual({
      delivery: {
        retry: 6,
        backoffPolicy: 'exponential',
        backoffDelay: 'PT0.2S',
        timeout: 'PT5S',
        deadLetterSink: {
          ref: { apiVersion: 'v1', kind: 'Service', name: 'shop-ledger' },
          uri: '/dead-letters',
        },
      },
    });
  });

  it.each([
    ['Kafka', {}, { 'kafka.eventing.knative.dev/delivery.order': 'ordered' }, undefined],
    [
      'RabbitMQBroker',
      { config: { apiVersion: 'rabbitmq.com/v1beta1', kind: 'RabbitmqCluster', name: 'r', namespace: 'r' } },
      { 'rabbitmq.eventing.knative.dev/parallelism': '10' },
      '500',
    ],
    ['MTChannelBasedBroker', {}, undefined, undefined],
  ])('asks of %s what it can do', async (brokerClass, more, annotations, poisonStatus) => {
    const objects = await render({ values: { broker: { class: brokerClass, ...more } } });
    expect(find(objects, 'Trigger', 'shop-payment-order-placed').metadata.annotations).toEqual(annotations);
    expect(find(objects, 'ConfigMap', 'shop-payment')['data']['POISON_STATUS']).toBe(poisonStatus);
  });

  it('names every EventType with the four attributes that Knative wants, in its order', async () => {
    const types = ofKind(await render(), 'EventType');
    expect(types.length).toBeGreaterThan(20);
    for (const { spec } of types) {
      expect(spec.attributes.map(({ name }: { name: string }) => name)).toEqual([
        'specversion',
        'id',
        'type',
        'source',
      ]);
    }
  });
});
