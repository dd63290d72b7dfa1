import { globSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readManifests } from '../../platform/broker/manifests.ts';
import { parseDuration } from '../../platform/duration.ts';
import { serviceSettings } from '../../platform/settings.ts';
import { services } from '../../services/index.ts';
import { root } from '../support/root.ts';
import { chart, find, ofKind, podsOf, render, type KubeObject } from './render.ts';

const { triggers: wiring, brokers: wiredBrokers } = readManifests(join(root, 'k8s'));
const variants = globSync('ci/*-values.yaml', { cwd: chart }).toSorted();

describe.each(variants)('with %s', (file) => {
  let objects: KubeObject[];
  beforeAll(async () => {
    objects = await render({ files: [join(chart, file)] });
  });

  it('runs every service of the shop, and each as one that it knows', () => {
    const run = ofKind(objects, 'Deployment').map(({ spec }) => spec.template.spec.containers[0].args[0]);
    expect(services.map(({ name }) => name).filter((name) => !run.includes(name))).toEqual([]);
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
          automountServiceAccountToken: name.startsWith('Job'),
          securityContext: expect.objectContaining({
            runAsNonRoot: true,
            seccompProfile: { type: 'RuntimeDefault' },
          }),
        }),
      ]);
      const { securityContext: own, resources } = spec.containers[0];
      expect(own).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
      expect(own.readOnlyRootFilesystem).toBe(!(file.includes('extras') && name.startsWith('Deployment')));
      expect(Object.keys(resources)).toEqual(['limits', 'requests']);
    }
  });

  it('sets only what services read, and leaves the Broker’s address to the SinkBinding', () => {
    for (const { name, settings } of services) {
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
