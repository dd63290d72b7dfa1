import { describe, expect, it } from '@jest/globals';
import { openChartWith, render, renderText } from '../support/render.ts';

const postgres = { kind: 'postgres', postgres: { existingSecret: 'databases' } };
const zones = { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' };
const web = { hosts: ['shop.example.com'] };

describe('values that contradict each other', () => {
  it.each<[string, object, RegExp]>([
    [
      'replicas on SQLite',
      { services: { payment: { replicas: 2 } } },
      /services\.payment: more than one replica.*postgres/,
    ],
    [
      'an HPA on SQLite',
      { defaults: { autoscaling: { kind: 'hpa' } } },
      /autoscaling, needs storage\.kind postgres/,
    ],
    [
      'PostgreSQL without a Secret',
      { storage: { kind: 'postgres' } },
      /needs storage\.postgres\.existingSecret/,
    ],
    [
      'a budget with both bounds',
      { storage: postgres, defaults: { replicas: 2, podDisruptionBudget: { minAvailable: 1 } } },
      /minAvailable or maxUnavailable, not both/,
    ],
    [
      'KEDA without Kafka',
      { storage: postgres, services: { payment: { autoscaling: { kind: 'keda' } } } },
      /keda needs broker\.class Kafka and keda\.bootstrapServers/,
    ],
    [
      'a service that is misspelt',
      { services: { paymnet: { replicas: 2 } } },
      /services\.paymnet: the image has no service paymnet, and no Trigger names it; there are inventory, ledger, payment, shipping, storefront\./,
    ],
    [
      'fewer replicas at most than at least',
      { storage: postgres, defaults: { autoscaling: { kind: 'hpa', minReplicas: 9 } } },
      /minReplicas is above maxReplicas/,
    ],
    ['no secrets at all', { secrets: { create: false } }, /kubectl create secret generic shop-secrets/],
    ['no Broker at all', { broker: { create: false } }, /broker\.name is needed/],
    ['RabbitMQ without its configuration', { broker: { class: 'RabbitMQBroker' } }, /needs broker\.config/],
    [
      'tokens on RabbitMQ',
      {
        broker: {
          class: 'RabbitMQBroker',
          config: { name: 'r', kind: 'K', apiVersion: 'v1', namespace: 'r' },
        },
        security: { eventing: 'oidc' },
      },
      /oidc does not go with broker\.class RabbitMQBroker/,
    ],
    [
      'a disruption budget that no node can be drained with',
      {
        storage: postgres,
        defaults: { replicas: 2, podDisruptionBudget: { minAvailable: 2, maxUnavailable: null } },
      },
      /minAvailable is 2 and there may be 2 replicas/,
    ],
    [
      'a volume’s name that is taken',
      { services: { payment: { extraVolumes: [{ name: 'data', emptyDir: {} }] } } },
      /services\.payment\.extraVolumes: there is a volume data already/,
    ],
    [
      'a variable that is there twice',
      { services: { payment: { extraEnv: [{ name: 'STAFF_TOKEN_FILE', value: '/x' }] } } },
      /services\.payment\.extraEnv: STAFF_TOKEN_FILE is there twice/,
    ],
    [
      'a setting that the service does not have',
      { services: { payment: { settings: { LOG_LVL: 'debug' } } } },
      /services\.payment sets LOG_LVL, and payment has no such setting/,
    ],
    [
      'a secret that no service reads',
      { defaults: { secretFiles: { STRIPE_KEY: { name: 'a', key: 'b' } } } },
      /defaults sets STRIPE_KEY, and no service has such a setting/,
    ],
    [
      'scaling by a request that there is not',
      {
        storage: postgres,
        services: { payment: { autoscaling: { kind: 'hpa' }, resources: { requests: { cpu: null } } } },
      },
      /services\.payment: autoscaling\.kind hpa scales by a share of resources\.requests\.cpu, and there is none/,
    ],
    [
      'two things mounted at one path',
      { defaults: { extraVolumeMounts: [{ name: 'more', mountPath: '/tmp' }] } },
      /extraVolumeMounts: something is mounted at \/tmp already/,
    ],
    [
      'a container by the name of the service',
      { services: { payment: { sidecars: [{ name: 'payment', image: 'x' }] } } },
      /services\.payment: there is a container payment already/,
    ],
    [
      'the same spread twice',
      { services: { payment: { topologySpreadConstraints: [zones, { ...zones, maxSkew: 2 }] } } },
      /services\.payment\.topologySpreadConstraints has two of topology\.kubernetes\.io\/zone, ScheduleAnyway/,
    ],
    [
      'a misspelt service that is to be off',
      { services: { paymnet: { enabled: false } } },
      /services\.paymnet: the image has no service paymnet/,
    ],
    [
      'a duration that is cut off',
      { services: { ledger: { settings: { DELIVERY_TIMEOUT: 'PTS' } } } },
      /DELIVERY_TIMEOUT is PTS, which is no duration/,
    ],
    [
      'a value that a setting does not take',
      { services: { payment: { settings: { PAYMENT_GATEWAY: 'stirpe' } } } },
      /services\.payment\.settings\.PAYMENT_GATEWAY is stirpe; it takes simulator, stripe\./,
    ],
    [
      'a duration without its unit',
      { services: { ledger: { settings: { DELIVERY_TIMEOUT: 30 } } } },
      /services\.ledger\.settings\.DELIVERY_TIMEOUT is 30, which is no duration: write 500ms/,
    ],
    [
      'a number that is none, for all',
      { defaults: { settings: { DATABASE_POOL_SIZE: 'ten' } } },
      /defaults\.settings\.DATABASE_POOL_SIZE is ten, which is no whole number\./,
    ],
    ['no ledger', { services: { ledger: { enabled: false } } }, /broker\.deadLetterSink is needed/],
    [
      'a service that the wiring knows and the values do not',
      { services: { payment: null } },
      /services\.payment is missing/,
    ],
    [
      'an address of the Broker',
      { defaults: { extraEnv: [{ name: 'K_SINK', value: 'x' }] } },
      /K_SINK, which only the SinkBinding may set/,
    ],
    [
      'a setting that follows from others',
      { services: { payment: { settings: { PORT: 1 } } } },
      /PORT, which follows/,
    ],
    [
      'a database’s Secret, and files all the same',
      { storage: { postgres: { existingSecret: 'databases' } } },
      /existingSecret is set and storage\.kind is sqlite/,
    ],
    [
      'Stripe without its key',
      { services: { payment: { settings: { PAYMENT_GATEWAY: 'stripe' } } } },
      /stripe needs its key: secretFiles/,
    ],
    [
      'Stripe behind a closed network',
      {
        services: {
          payment: {
            settings: { PAYMENT_GATEWAY: 'stripe' },
            secretFiles: { STRIPE_API_KEY: { name: 'stripe', key: 'api-key' } },
          },
        },
      },
      /stripe needs a way out through the NetworkPolicy: egress/,
    ],
    [
      'metrics that nobody may read',
      { monitoring: { serviceMonitor: { enabled: true } } },
      /needs networkPolicy\.metricsFrom/,
    ],
    ['an Ingress without hosts', { ingress: { enabled: true } }, /ingress\.enabled needs ingress\.hosts/],
    [
      'an Ingress that nobody may use',
      { ingress: { enabled: true, ...web } },
      /needs networkPolicy\.webFrom/,
    ],
    [
      'an Ingress for events',
      {
        ingress: { enabled: true, ...web },
        networkPolicy: { enabled: false },
        web: { paths: [{ path: '/', type: 'Prefix' }] },
      },
      /opens \/events or \/metrics to the world/,
    ],
    ['an HTTPRoute without a Gateway', { httpRoute: { enabled: true } }, /needs httpRoute\.parentRefs/],
  ])('are refused in a sentence: %s', async (_what, values, sentence) => {
    await expect(render({ values })).rejects.toThrow(sentence);
  });
});

describe('a cluster', () => {
  const live = 'apiregistration.k8s.io/v1/APIService';
  const knative = [
    'eventing.knative.dev/v1/Broker',
    'eventing.knative.dev/v1/Trigger',
    'eventing.knative.dev/v1beta3/EventType',
    'sources.knative.dev/v1/SinkBinding',
  ];

  it.each(knative)('without %s is told so, with the command that installs it', async (api) => {
    const apis = [live, ...knative.filter((each) => each !== api)];
    await expect(render({ apis })).rejects.toThrow(
      new RegExp(
        `Knative Eventing.* is missing: the cluster has no ${api}\\. Install it: kubectl apply -f https:`,
      ),
    );
  });

  it.each(['1.31.0', '1.34.2-eks-1', '1.35.0', '1.36.1', '1.37.0'])(
    'of Kubernetes %s gets the same as any other',
    async (kubernetes) => {
      expect(await renderText({ kubernetes })).toBe(await renderText());
    },
  );

  it('of an older Kubernetes is told so', async () => {
    await expect(render({ kubernetes: '1.30.9' })).rejects.toThrow(/requires kubeVersion: >=1\.31\.0/);
  });

  it('with Knative is content', async () => {
    await expect(render({ apis: [live, ...knative] })).resolves.toBeDefined();
  });

  it.each<[string, object, RegExp]>([
    [
      'KEDA',
      {
        broker: { class: 'Kafka' },
        keda: { bootstrapServers: 'k:9092' },
        storage: postgres,
        services: { payment: { autoscaling: { kind: 'keda' } } },
      },
      /KEDA is missing/,
    ],
    [
      'the Prometheus operator',
      { monitoring: { rules: { enabled: true } } },
      /The Prometheus operator is missing/,
    ],
    [
      'the Gateway API',
      { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] }, networkPolicy: { enabled: false } },
      /The Gateway API is missing/,
    ],
  ])('without %s is told so when it is asked for', async (_what, values, sentence) => {
    await expect(render({ values, apis: [live, ...knative] })).rejects.toThrow(sentence);
  });
});

describe('a service that hears nothing', () => {
  it('cannot be scaled by the lag of its Triggers', async () => {
    using copy = openChartWith({ 'triggers/ledger.yaml': undefined });
    const values = {
      broker: { class: 'Kafka' },
      keda: { bootstrapServers: 'kafka:9092' },
      storage: postgres,
      services: { ledger: { autoscaling: { kind: 'keda' } } },
    };
    await expect(render({ values, from: copy.folder })).rejects.toThrow(
      /services\.ledger: autoscaling\.kind keda scales by the lag of its Triggers, and it has none/,
    );
  });
});
