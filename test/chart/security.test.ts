import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { setting } from '../../platform/config.ts';
import { chart, find, ofKind, podsOf, render, type KubeObject } from '../support/render.ts';

interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly object[];
}
interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
}

const knative = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'knative-eventing' } } };

/** Pods of Knative's namespace. */
function inKnative(matchLabels: Readonly<Record<string, string>>): Peer {
  return { ...knative, podSelector: { matchLabels } };
}

/** Where a part of the shop may open connections to, beside the name servers. */
function callees(objects: readonly KubeObject[], part: string): unknown[] {
  const { egress } = find(objects, 'NetworkPolicy', `shop-${part}`)['spec'];
  return egress.flatMap(({ ports, to = [] }: { ports: { port: number | string }[]; to?: Peer[] }) =>
    to.map((peer) => [ports.map(({ port }) => port), peer]),
  );
}

/** Who may open a connection to a part of the shop, in words. */
function callers(objects: readonly KubeObject[], part: string): string[] {
  const { ingress = [] } = find(objects, 'NetworkPolicy', `shop-${part}`)['spec'];
  return ingress.flatMap(({ from }: { from: Peer[] }) =>
    from.map(
      ({ namespaceSelector, podSelector }) =>
        namespaceSelector?.matchLabels['kubernetes.io/metadata.name'] ??
        podSelector?.matchLabels['app.kubernetes.io/component'] ??
        JSON.stringify(podSelector?.matchLabels),
    ),
  );
}

describe('the network', () => {
  it('is closed for every Pod of the release, and opened for each kind by a policy of its own', async () => {
    const objects = await render();
    const { podSelector, policyTypes, ingress, egress } = find(objects, 'NetworkPolicy', 'shop-deny')['spec'];
    expect([policyTypes, ingress, egress]).toEqual([['Ingress', 'Egress'], undefined, undefined]);
    for (const { labels } of podsOf(objects)) {
      expect(labels).toMatchObject(podSelector.matchLabels);
      const opened = ofKind(objects, 'NetworkPolicy').filter(({ spec }) =>
        Object.entries(spec.podSelector.matchLabels).every(
          ([key, value]) => (labels as Record<string, unknown>)[key] === value,
        ),
      );
      expect(opened).toHaveLength(2);
    }
  });

  it('lets nobody in but the broker’s data plane, the ledger and the test, unless values say so', async () => {
    const objects = await render();
    for (const part of ['storefront', 'payment', 'inventory', 'shipping', 'ledger'])
      expect(callers(objects, part)).toEqual(['knative-eventing', 'ledger', 'test']);
    expect(callers(objects, 'test')).toEqual([]);
    expect(callers(objects, 'secrets')).toEqual([]);
  });

  it('lets services reach the broker alone, and the ledger every event door of the release', async () => {
    const objects = await render();
    const broker = [[80, 443, 8080, 8443], inKnative({ 'eventing.knative.dev/brokerRole': 'ingress' })];
    const release = { 'app.kubernetes.io/name': 'tradewind', 'app.kubernetes.io/instance': 'shop' };
    const doors = [['http'], { podSelector: { matchLabels: release } }];
    for (const part of ['storefront', 'payment', 'inventory', 'shipping'])
      expect(callees(objects, part)).toEqual([broker]);
    expect(callees(objects, 'ledger')).toEqual([broker, doors]);
    expect(callees(objects, 'test')).toEqual([doors]);
  });

  it('lets customers reach the storefront alone', async () => {
    const objects = await render({ files: [join(chart, 'ci/kafka-values.yaml')] });
    expect(callers(objects, 'storefront')).toContain('ingress-nginx');
    expect(callers(objects, 'payment')).not.toContain('ingress-nginx');
  });

  // The labels are those of the releases of each class: of the Pods that open the connection, or take it.
  const broker = { 'eventing.knative.dev/broker': 'shop' };
  const role = 'eventing.knative.dev/brokerRole';
  const dispatchers = [{ key: role, operator: 'In', values: ['dispatcher', 'dispatcher-dlq'] }];
  it.each<[string, string, Peer, Peer, Peer]>([
    [
      'MTChannelBasedBroker',
      'default',
      inKnative({ [role]: 'filter' }),
      // A dead letter comes from whatever channel the Broker has.
      knative,
      inKnative({ [role]: 'ingress' }),
    ],
    [
      'Kafka',
      'kafka',
      inKnative({ app: 'kafka-broker-dispatcher' }),
      inKnative({ app: 'kafka-broker-dispatcher' }),
      inKnative({ app: 'kafka-broker-receiver' }),
    ],
    [
      'RabbitMQBroker, which runs beside the Broker',
      'rabbitmq',
      { podSelector: { matchLabels: broker, matchExpressions: dispatchers } },
      { podSelector: { matchLabels: broker, matchExpressions: dispatchers } },
      { podSelector: { matchLabels: { ...broker, [role]: 'ingress' } } },
    ],
  ])('opens to the data plane of %s', async (_class, file, events, deadLetters, ingress) => {
    const objects = await render({ files: [join(chart, `ci/${file}-values.yaml`)] });
    const firstCaller = (part: string): unknown =>
      find(objects, 'NetworkPolicy', `shop-${part}`)['spec'].ingress[0].from[0];
    for (const part of ['storefront', 'payment', 'inventory', 'shipping'])
      expect(firstCaller(part)).toEqual(events);
    expect(firstCaller('ledger')).toEqual(deadLetters);
    expect(callees(objects, 'payment')).toContainEqual([[80, 443, 8080, 8443], ingress]);
  });

  it('opens to another data plane where values say so', async () => {
    const mine = { namespaceSelector: { matchLabels: { team: 'events' } } };
    const objects = await render({ values: { networkPolicy: { eventsFrom: [mine], brokerTo: [mine] } } });
    for (const part of ['payment', 'ledger']) {
      expect(find(objects, 'NetworkPolicy', `shop-${part}`)['spec'].ingress[0].from[0]).toEqual(mine);
      expect(callees(objects, part)).toContainEqual([[80, 443, 8080, 8443], mine]);
    }
  });

  it('leads to the API server only who asks it, and there alone where values say so', async () => {
    const server = { ipBlock: { cidr: '10.0.0.1/32' } };
    const objects = await render({
      values: { security: { eventing: 'oidc' }, networkPolicy: { apiServerTo: [server] } },
    });
    for (const part of ['payment', 'ledger', 'secrets'])
      expect(callees(objects, part)).toContainEqual([[443, 6443], server]);
    expect(JSON.stringify(callees(await render(), 'payment'))).not.toContain('6443');
  });
});

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

interface Token {
  readonly path: string;
  readonly audience?: string;
  readonly expirationSeconds: number;
}

function subjectsOf(objects: readonly KubeObject[], service: string): string[] {
  return find(objects, 'ConfigMap', `shop-${service}`)['data']['OIDC_SUBJECTS'].split(',');
}

describe('with OIDC', () => {
  let objects: KubeObject[];
  const audienceOf = (service: string): string =>
    find(objects, 'ConfigMap', `shop-${service}`)['data']['OIDC_AUDIENCE'];
  beforeAll(async () => {
    objects = await render({ values: { security: { eventing: 'oidc' } } });
  });

  it('each service may send to the Broker what comes from itself, the ledger what anybody said, and nobody else anything', () => {
    const policies = ofKind(objects, 'EventPolicy').map(({ spec }) => spec);
    expect(policies).toHaveLength(5);
    for (const { to, from, filters } of policies) {
      expect(to).toEqual([{ ref: { apiVersion: 'eventing.knative.dev/v1', kind: 'Broker', name: 'shop' } }]);
      expect(from).toHaveLength(1);
      const [{ ref }] = from;
      expect(ref.kind).toBe('SinkBinding');
      const service = ref.name.replace('shop-', '');
      // Its redrives and replays through the Broker keep their source.
      expect(filters).toEqual(
        service === 'ledger' ? undefined : [{ exact: { source: `/tradewind/${service}` } }],
      );
    }
  });

  it('the ledger has a token for each service that it delivers to, in the file that it looks for', () => {
    const { data } = find(objects, 'ConfigMap', 'shop-ledger') as unknown as { data: Record<string, string> };
    const { spec } = find(objects, 'Deployment', 'shop-ledger')['spec'].template;
    const { sources } = spec.volumes.find(({ name }: { name: string }) => name === 'identity').projected;
    const [{ mountPath }] = spec.containers[0].volumeMounts.filter(
      ({ name }: { name: string }) => name === 'identity',
    );
    const tokens = sources.flatMap(({ serviceAccountToken: token }: { serviceAccountToken?: Token }) =>
      token?.audience === undefined ? [] : [token],
    ) as Token[];
    const services = [...setting.addresses().parse(data['SUBSCRIBERS']).keys()];
    expect(services).toEqual(['inventory', 'ledger', 'payment', 'shipping', 'storefront']);
    expect(tokens).toEqual(
      services.map((service) => ({
        path: `${data['SUBSCRIBER_TOKEN_DIR']}/${service}`.replace(`${mountPath}/`, ''),
        audience: audienceOf(service),
        expirationSeconds: 3600,
      })),
    );
    for (const service of services)
      expect(subjectsOf(objects, service)).toContain('system:serviceaccount:market:shop-ledger');
    expect(spec.serviceAccountName).toBe('shop-ledger');
  });

  it('nobody is let in as a ledger where there is none', async () => {
    const values = {
      security: { eventing: 'oidc' },
      services: { ledger: { enabled: false } },
      broker: { deadLetterSink: { uri: 'https://letters.example.com' } },
    };
    const without = await render({ values });
    for (const service of ['storefront', 'payment', 'inventory', 'shipping'])
      expect(subjectsOf(without, service)).not.toContain('system:serviceaccount:market:shop-ledger');
  });

  it('deliveries are for one audience, and each service knows whose identity they carry', () => {
    const audience = 'urn:tradewind:market:shop-payment';
    expect(find(objects, 'Trigger', 'shop-payment-order-placed')['spec'].subscriber.audience).toBe(audience);
    expect(find(objects, 'Broker', 'shop')['spec'].delivery.deadLetterSink.audience).toBe(
      'urn:tradewind:market:shop-ledger',
    );
    const { data } = find(objects, 'ConfigMap', 'shop-payment') as unknown as {
      data: Record<string, string>;
    };
    expect(data['OIDC_AUDIENCE']).toBe(audience);
    // A cloud's issuer is out on the internet; its keys are at the API server, too.
    expect(data['OIDC_DISCOVERY_URL']).toBe('https://kubernetes.default.svc');
    expect(data['OIDC_SUBJECTS']?.split(',')).toEqual([
      'system:serviceaccount:market:shop-ledger',
      // 29 characters leave room for all of "-oidc-eventing.knative.dev-trigger"; a longer name is cut and hashed.
      'system:serviceaccount:market:shop-payment-order-expired-oidc-eventing.knative.dev-trigger',
      'system:serviceaccount:market:shop-payment-order-placed-oidc-eventing.knative.dev-trigger',
      'system:serviceaccount:market:shop-payment-shipment-cancelled*',
      'system:serviceaccount:market:shop-payment-shipment-dispatche*',
      'system:serviceaccount:market:shop-payment-stock-rejected-oidc-eventing.knative.dev-trigger',
    ]);
  });

  it('services can read the cluster’s keys: a token and the CA are there, and no other', () => {
    const { spec } = find(objects, 'Deployment', 'shop-payment')['spec'].template;
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec.volumes.find(({ name }: { name: string }) => name === 'identity').projected.sources).toEqual([
      { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    ]);
  });

  it('is off by default: no audience, no policy, no token', async () => {
    const text = JSON.stringify(await render());
    for (const trace of ['EventPolicy', 'audience', 'OIDC_', 'serviceAccountToken'])
      expect(text).not.toContain(trace);
  });
});
