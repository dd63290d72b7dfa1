import { beforeAll, describe, expect, it } from '@jest/globals';
import { setting } from '../../platform/config.ts';
import { find, ofKind, render, type KubeObject } from '../support/render.ts';

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
