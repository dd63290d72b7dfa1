import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { chart, find, ofKind, render } from '../support/render.ts';

describe('secrets', () => {
  it('come as files, to the services that need them', async () => {
    const objects = await render({ files: [join(chart, 'ci/kafka-values.yaml')] });
    const filesOf = (name: string): unknown =>
      find(objects, 'Deployment', `shop-${name}`)['spec'].template.spec.volumes.flatMap(
        ({
          projected,
        }: {
          projected?: { sources: { secret: { name: string; items: { key: string; path: string }[] } }[] };
        }) =>
          projected?.sources.map(
            ({ secret }) => `${secret.items[0]?.path} = ${secret.name}/${secret.items[0]?.key}`,
          ) ?? [],
      );
    expect(filesOf('storefront')).toEqual([
      'DATABASE_URL = databases/storefront',
      'SESSION_SECRET = shop-tokens/session-secret',
      'STAFF_TOKEN = shop-tokens/staff-token',
    ]);
    expect(filesOf('payment')).toEqual([
      'DATABASE_URL = databases/payment',
      'STAFF_TOKEN = shop-tokens/staff-token',
      'STRIPE_API_KEY = stripe/api-key',
    ]);
    const [container] = find(objects, 'Deployment', 'shop-payment')['spec'].template.spec.containers;
    expect(container.env).toContainEqual({ name: 'DATABASE_URL_FILE', value: '/etc/tradewind/DATABASE_URL' });
  });

  it('are made before the first install by a Job that may do nothing else, unless there is a Secret', async () => {
    const objects = await render();
    expect(find(objects, 'Role', 'shop-secrets')['rules']).toEqual([
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    ]);
    for (const kind of ['ServiceAccount', 'Role', 'RoleBinding', 'Job'])
      expect(find(objects, kind, 'shop-secrets').metadata.annotations).toMatchObject({
        'helm.sh/hook': 'pre-install,pre-upgrade',
      });
    const own = await render({ values: { secrets: { existingSecret: 'mine' } } });
    expect([...ofKind(own, 'Job'), ...ofKind(own, 'Role')]).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    [
      'a setting',
      { services: { payment: { settings: { STRIPE_API_KEY: 'sk_live_1' } } } },
      /sets STRIPE_API_KEY in the open; name a Secret: secretFiles: \{STRIPE_API_KEY:/,
    ],
    [
      'a variable with a password in it',
      {
        defaults: {
          extraEnv: [{ name: 'DATABASE_URL', value: 'postgres://shop:secret@db/shop' }],
        },
      },
      /sets DATABASE_URL in the open/,
    ],
    [
      'headers for the collector',
      { defaults: { settings: { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%201' } } },
      /sets OTEL_EXPORTER_OTLP_HEADERS in the open/,
    ],
  ])('are refused in the open: %s', async (_what, values, sentence) => {
    await expect(render({ values })).rejects.toThrow(sentence);
  });
});

describe('the preflight', () => {
  it('is off by default, and nothing beyond the namespace is made', async () => {
    const objects = await render();
    expect(objects.filter(({ metadata }) => metadata.name.includes('preflight'))).toEqual([]);
    expect(objects.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
  });

  it('may read the CRDs of Knative and its flags, and nothing else, and leaves nothing', async () => {
    const objects = await render({ values: { preflight: { enabled: true } } });
    const name = 'market-shop-preflight';
    const crds = ['Broker', 'Trigger', 'EventType'].map(
      (kind) => `${kind.toLowerCase()}s.eventing.knative.dev`,
    );
    expect(find(objects, 'ClusterRole', name)['rules']).toEqual([
      {
        apiGroups: ['apiextensions.k8s.io'],
        resources: ['customresourcedefinitions'],
        resourceNames: [...crds, 'sinkbindings.sources.knative.dev'],
        verbs: ['get'],
      },
    ]);
    const role = find(objects, 'Role', name);
    expect([role.metadata.namespace, role['rules']]).toEqual([
      'knative-eventing',
      [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['config-features'], verbs: ['get'] }],
    ]);
    const own = objects.filter(
      ({ kind, metadata }) => kind !== 'NetworkPolicy' && metadata.name.endsWith('preflight'),
    );
    expect(own).toHaveLength(6);
    for (const { metadata } of own)
      expect(metadata.annotations).toMatchObject({
        'helm.sh/hook': 'pre-install,pre-upgrade',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
      });
  });
});
