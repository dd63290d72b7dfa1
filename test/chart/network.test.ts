import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { chart, find, ofKind, podsOf, render, type KubeObject } from '../support/render.ts';

interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly object[];
}
interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
}

/** By number: some networks take a name for every port, and some for none. */
const EVENTS = 8081;
const API = 8080;

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

/** Who may open a connection to a port of a part of the shop, in words. */
function callers(objects: readonly KubeObject[], part: string, port: typeof EVENTS | typeof API): string[] {
  const { ingress = [] } = find(objects, 'NetworkPolicy', `shop-${part}`)['spec'];
  return ingress.flatMap(({ ports, from }: { ports: { port: number }[]; from: Peer[] }) =>
    ports.some((each) => each.port === port)
      ? from.map(
          ({ namespaceSelector, podSelector }) =>
            namespaceSelector?.matchLabels['kubernetes.io/metadata.name'] ??
            podSelector?.matchLabels['app.kubernetes.io/component'] ??
            JSON.stringify(podSelector?.matchLabels),
        )
      : [],
  );
}

/** Peers of a namespace. */
function from(name: string): Peer[] {
  return [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } }];
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

  it('lets the broker’s data plane and the ledger alone bring events, and nobody but the test do anything else', async () => {
    const objects = await render();
    for (const part of ['storefront', 'payment', 'inventory', 'shipping', 'ledger']) {
      expect(callers(objects, part, EVENTS)).toEqual(['knative-eventing', 'ledger']);
      expect(callers(objects, part, API)).toEqual(['test']);
    }
    for (const part of ['test', 'secrets'])
      expect(find(objects, 'NetworkPolicy', `shop-${part}`)['spec'].ingress).toBeUndefined();
  });

  it('opens the other port, and never that of events, to whom values name', async () => {
    const objects = await render({
      values: {
        networkPolicy: {
          webFrom: from('gateway'),
          staffFrom: from('backoffice'),
          metricsFrom: from('monitoring'),
        },
      },
    });
    for (const part of ['storefront', 'payment']) {
      expect(callers(objects, part, EVENTS)).toEqual(['knative-eventing', 'ledger']);
      expect(callers(objects, part, API)).toEqual([
        'test',
        'backoffice',
        'monitoring',
        // Customers have nothing to do with payment.
        ...(part === 'storefront' ? ['gateway'] : []),
      ]);
    }
  });

  it('has the ports that the policies speak of: Knative finds that of events behind the Service, and people the other', async () => {
    const objects = await render();
    for (const part of ['storefront', 'ledger']) {
      const { ports } = find(objects, 'Service', `shop-${part}`)['spec'];
      expect(ports).toEqual([
        { name: 'http-events', port: 80, targetPort: 'events' },
        { name: 'http', port: 8080, targetPort: 'http' },
      ]);
      const [container] = find(objects, 'Deployment', `shop-${part}`)['spec'].template.spec.containers;
      const { data } = find(objects, 'ConfigMap', `shop-${part}`) as unknown as {
        data: Record<string, string>;
      };
      expect(container.ports).toEqual([
        { name: 'http', containerPort: Number(data['PORT']) },
        { name: 'events', containerPort: Number(data['EVENTS_PORT']) },
      ]);
    }
    const web = await render({ files: [join(chart, 'ci/kafka-values.yaml')] });
    const [{ http }] = find(web, 'Ingress', 'shop-storefront')['spec'].rules;
    expect(http.paths[0].backend.service.port).toEqual({ name: 'http' });
    const route = await render({ files: [join(chart, 'ci/secure-values.yaml')] });
    expect(find(route, 'HTTPRoute', 'shop-storefront')['spec'].rules[0].backendRefs[0].port).toBe(8080);
    const monitor = await render({
      values: {
        monitoring: { serviceMonitor: { enabled: true } },
        networkPolicy: { metricsFrom: from('monitoring') },
      },
    });
    expect(find(monitor, 'ServiceMonitor', 'shop-monitor')['spec'].endpoints[0].port).toBe('http');
  });

  it('lets services reach the broker alone, and the ledger every event door of the release', async () => {
    const objects = await render();
    const broker = [[80, 443, 8080, 8443], inKnative({ 'eventing.knative.dev/brokerRole': 'ingress' })];
    const release = { 'app.kubernetes.io/name': 'tradewind', 'app.kubernetes.io/instance': 'shop' };
    const doors = (port: number) => [[port], { podSelector: { matchLabels: release } }];
    for (const part of ['storefront', 'payment', 'inventory', 'shipping'])
      expect(callees(objects, part)).toEqual([broker]);
    expect(callees(objects, 'ledger')).toEqual([broker, doors(EVENTS)]);
    expect(callees(objects, 'test')).toEqual([doors(API)]);
  });

  it('adds what a mesh needs to every Pod, those of Jobs too', async () => {
    const extraIngress = [{ ports: [{ port: 15008 }] }];
    const extraEgress = [{ ports: [{ port: 15012 }], to: from('istio-system') }];
    const objects = await render({ values: { networkPolicy: { extraIngress, extraEgress } } });
    expect(find(objects, 'NetworkPolicy', 'shop-deny')['spec']).toMatchObject({
      ingress: extraIngress,
      egress: extraEgress,
    });
  });

  it('lets the Jobs before an install out before anything else is made', async () => {
    const objects = await render({ values: { preflight: { enabled: true } } });
    for (const job of ['secrets', 'preflight']) {
      const { annotations = {} } = find(objects, 'NetworkPolicy', `shop-${job}`).metadata;
      expect(annotations['helm.sh/hook']).toBe('pre-install,pre-upgrade');
      const own = find(objects, 'Job', `shop-${job}`).metadata.annotations?.['helm.sh/hook-weight'];
      expect(Number(annotations['helm.sh/hook-weight'])).toBeLessThan(Number(own));
    }
  });

  it('lets customers reach the storefront alone', async () => {
    const objects = await render({ files: [join(chart, 'ci/kafka-values.yaml')] });
    expect(callers(objects, 'storefront', API)).toContain('ingress-nginx');
    expect(callers(objects, 'payment', API)).not.toContain('ingress-nginx');
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
      expect(callees(objects, part)).toContainEqual([[443, 6443, 8443, 16443], server]);
    expect(JSON.stringify(callees(await render(), 'payment'))).not.toContain('6443');
  });
});
