import { describe, expect, it } from '@jest/globals';
import { find, ofKind, podsOf, render, type KubeObject, type PodSpec } from '../support/render.ts';

/** Every kind of Pod that there is: of services, Jobs and tests. */
const all = { preflight: { enabled: true }, readiness: { enabled: true } };

function podOf(objects: readonly KubeObject[], name: string): { labels: object; spec: PodSpec } {
  const pod = podsOf(objects).find((each) => each.name === name);
  if (!pod) throw new Error(`there is no ${name}`);
  return pod;
}

describe('what holds for all Pods', () => {
  const place = {
    nodeSelector: { pool: 'shop' },
    tolerations: [{ key: 'shop', operator: 'Exists' }],
    affinity: { podAntiAffinity: {} },
    priorityClassName: '1000',
    runtimeClassName: 'gvisor',
  };
  const podSpec = { dnsPolicy: 'Default', hostUsers: false, schedulerName: 'mine' };

  it('is said once, in the defaults: a Job that finds no node would stop every install', async () => {
    const objects = await render({ values: { ...all, defaults: { ...place, podSpec } } });
    const pods = podsOf(objects);
    expect(pods.map(({ name }) => name.replace(/ .*/, '')).filter((kind) => kind !== 'Deployment')).toEqual(
      expect.arrayContaining(['Job', 'Job', 'Job', 'Pod']),
    );
    for (const { spec } of pods) expect(spec).toMatchObject({ ...place, ...podSpec });
  });

  it('takes a user’s security context, where another user is wanted, and none where the cluster gives one', async () => {
    const podSecurityContext = { runAsUser: 1_000_660_000, fsGroup: null };
    const objects = await render({ values: { ...all, defaults: { podSecurityContext } } });
    for (const { spec } of podsOf(objects))
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1_000_660_000,
        fsGroup: null,
      });
  });

  it('can be otherwise for Jobs and tests', async () => {
    const jobs = { podAnnotations: { 'sidecar.istio.io/inject': 'false' }, nodeSelector: { pool: 'jobs' } };
    const defaults = { nodeSelector: { pool: 'shop' }, podAnnotations: { note: 'all' } };
    const objects = await render({ values: { ...all, defaults, jobs } });
    for (const { kind, metadata, spec } of objects) {
      const pod = kind === 'Pod' ? { metadata, spec } : kind === 'Job' ? spec.template : undefined;
      if (!pod) continue;
      expect(pod.spec.nodeSelector).toEqual({ pool: 'jobs' });
      expect(pod.metadata.annotations).toMatchObject({ 'sidecar.istio.io/inject': 'false', note: 'all' });
    }
    expect(podOf(objects, 'Deployment shop-payment').spec.nodeSelector).toEqual({ pool: 'shop' });
  });

  it('can be taken away from one service', async () => {
    const values = {
      defaults: { nodeSelector: { pool: 'shop' }, secretFiles: { STAFF_TOKEN: null } },
      services: { payment: { nodeSelector: null, resources: { limits: null } } },
    };
    const { spec } = podOf(await render({ values }), 'Deployment shop-payment');
    expect(spec.nodeSelector).toBeUndefined();
    expect(spec.containers[0].resources.limits ?? null).toBeNull();
    expect([spec.containers[0].env, JSON.stringify(spec.volumes)]).toEqual([
      undefined,
      expect.not.stringContaining('secrets'),
    ]);
  });
});

async function checksumOf(values: object): Promise<string> {
  const { spec } = find(await render({ values }), 'Deployment', 'shop-payment');
  return spec.template.metadata.annotations['checksum/config'];
}

/** How long payment waits for its data folder. */
async function waitOf(values: object): Promise<string> {
  const map = find(await render({ values }), 'ConfigMap', 'shop-payment');
  return (map as unknown as { data: Record<string, string> }).data['DATA_LOCK_TIMEOUT'] ?? 'not said';
}

describe('a service', () => {
  it('has probes that values can stretch', async () => {
    const values = { services: { ledger: { probes: { startup: { failureThreshold: 1800 } } } } };
    const objects = await render({ values });
    const [ledger] = podOf(objects, 'Deployment shop-ledger').spec.containers;
    const httpGet = { path: '/healthz', port: 'http' };
    expect(ledger.startupProbe).toEqual({
      httpGet,
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: 1800,
    });
    const [payment] = podOf(objects, 'Deployment shop-payment').spec.containers;
    expect(payment.startupProbe.failureThreshold).toBe(60);
    expect(payment.readinessProbe.httpGet.path).toBe('/readyz');
  });

  it('waits for the volume as long as its predecessor may take to end, and less than the probe lets it', async () => {
    expect(await waitOf({})).toBe('20s');
    expect(await waitOf({ services: { payment: { shutdown: { grace: 300 } } } })).toBe('55s');
    const storage = { kind: 'postgres', postgres: { existingSecret: 'databases' } };
    expect(await waitOf({ storage })).toBe('not said');
  });

  it('pulls with a Secret that is named twice once', async () => {
    const secrets = [{ name: 'regcred' }];
    const values = { global: { imagePullSecrets: secrets }, imagePullSecrets: [...secrets, { name: 'own' }] };
    const { spec } = podOf(await render({ values }), 'Deployment shop-payment');
    expect(spec.imagePullSecrets).toEqual([{ name: 'regcred' }, { name: 'own' }]);
  });

  it('spreads its own Pods, also by constraints that name none', async () => {
    const storage = { kind: 'postgres', postgres: { existingSecret: 'databases' } };
    const zone = { maxSkew: 2, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };
    const other = { matchLabels: { app: 'other' } };
    const elsewhere = { ...zone, whenUnsatisfiable: 'ScheduleAnyway', labelSelector: other };
    const spreadOf = async (defaults: object): Promise<object[]> => {
      const { spec, labels } = podOf(
        await render({ values: { storage, defaults } }),
        'Deployment shop-payment',
      );
      const constraints: KubeObject[] = spec.topologySpreadConstraints ?? [];
      return constraints.map(({ labelSelector, ...rest }) => {
        if (labelSelector.matchLabels.app) return { ...rest, labelSelector };
        expect(labels).toMatchObject(labelSelector.matchLabels);
        return rest;
      });
    };
    const matchLabelKeys = ['pod-template-hash'];
    expect(await spreadOf({})).toEqual([]);
    expect(await spreadOf({ replicas: 2 })).toEqual([
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        matchLabelKeys,
      },
    ]);
    expect(await spreadOf({ topologySpreadConstraints: [zone, elsewhere] })).toEqual([
      { ...zone, matchLabelKeys },
      elsewhere,
    ]);
  });

  it('takes annotations of its Deployment, its Service and its Pods', async () => {
    const values = {
      defaults: {
        deploymentAnnotations: { 'reloader.stakater.com/auto': 'true' },
        serviceAnnotations: { note: 'service' },
        podAnnotations: { note: 'pod', 'checksum/config': 'mine' },
      },
    };
    const objects = await render({ values });
    const { metadata, spec } = find(objects, 'Deployment', 'shop-payment');
    expect(metadata.annotations).toEqual({ 'reloader.stakater.com/auto': 'true' });
    expect(find(objects, 'Service', 'shop-payment').metadata.annotations).toEqual({ note: 'service' });
    expect(spec.template.metadata.annotations).toEqual({
      note: 'pod',
      'checksum/config': expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('starts anew when its settings change, and only then', async () => {
    const before = await checksumOf({});
    expect(await checksumOf({ services: { payment: { settings: { LOG_LEVEL: 'debug' } } } })).not.toBe(
      before,
    );
    expect(await checksumOf({ services: { shipping: { settings: { LOG_LEVEL: 'debug' } } } })).toBe(before);
  });

  it('may listen on IPv6, and has numbers as text', async () => {
    const settings = { HOST: '::', RELAY_IN_FLIGHT: 1_500_000, OTEL_TRACES_SAMPLER_ARG: 0.25 };
    const objects = await render({ values: { defaults: { settings } } });
    expect(find(objects, 'ConfigMap', 'shop-payment')['data']).toMatchObject({
      HOST: '::',
      RELAY_IN_FLIGHT: '1500000',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    });
  });

  it.each([
    ['-', ''],
    ['fast', 'fast'],
  ])('has a volume of the storage class %s', async (storageClass, expected) => {
    const objects = await render({ values: { storage: { sqlite: { storageClass } } } });
    expect(find(objects, 'PersistentVolumeClaim', 'shop-payment')['spec'].storageClassName).toBe(expected);
  });
});

describe('helm test', () => {
  it('has a small Pod for each thing, the first of which places no order', async () => {
    const objects = await render();
    const tests = ofKind(objects, 'Pod').map(({ metadata, spec }) => [
      metadata.name,
      metadata.annotations,
      spec.containers[0].command.slice(-2),
    ]);
    const annotations = { 'helm.sh/hook': 'test', 'helm.sh/hook-delete-policy': 'before-hook-creation' };
    expect(tests).toEqual(
      ['closed', 'shipped', 'declined'].map((check) => [
        `shop-test-${check}`,
        annotations,
        ['services/cluster/verify.ts', check],
      ]),
    );
  });

  it('is not there where a service is missing that an order needs', async () => {
    const objects = await render({
      values: { services: { payment: { enabled: false } }, readiness: { enabled: true } },
    });
    expect(
      [...ofKind(objects, 'Pod'), ...ofKind(objects, 'Job')].map(({ metadata }) => metadata.name),
    ).toEqual(['shop-secrets']);
  });
});

describe('readiness', () => {
  it('is waited for by a Job after installs and upgrades, which places no order', async () => {
    expect(ofKind(await render(), 'Job').map(({ metadata }) => metadata.name)).toEqual(['shop-secrets']);
    const objects = await render({ values: { readiness: { enabled: true, timeout: 90 } } });
    const { metadata, spec } = find(objects, 'Job', 'shop-readiness');
    expect(metadata.annotations).toMatchObject({
      'helm.sh/hook': 'post-install,post-upgrade',
      'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
    });
    expect(spec).toMatchObject({ activeDeadlineSeconds: 120, backoffLimit: 0 });
    const [container] = spec.template.spec.containers;
    expect(container.command.slice(-2)).toEqual(['services/cluster/verify.ts', 'ready']);
    // It ends before its Job does, and so can say what it waited for.
    expect(container.env).toContainEqual({ name: 'VERIFY_PATIENCE', value: '90s' });
    const { podSelector } = find(objects, 'NetworkPolicy', 'shop-test')['spec'];
    expect(spec.template.metadata.labels).toMatchObject(podSelector.matchLabels);
  });
});
