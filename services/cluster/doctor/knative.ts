import type { Examination, KubeObject } from './examination.ts';

const INSTALL = 'sh scripts/knative.sh install';
const EXTENSIONS = 'https://github.com/knative-extensions';

interface Api {
  readonly group: string;
  readonly version: string;
  readonly kinds: readonly string[];
}

const APIS: readonly Api[] = [
  { group: 'eventing.knative.dev', version: 'v1', kinds: ['Broker', 'Trigger'] },
  { group: 'eventing.knative.dev', version: 'v1beta3', kinds: ['EventType'] },
  { group: 'sources.knative.dev', version: 'v1', kinds: ['SinkBinding'] },
];

const CRDS = [
  'brokers.eventing.knative.dev',
  'triggers.eventing.knative.dev',
  'eventtypes.eventing.knative.dev',
  'sinkbindings.sources.knative.dev',
];

interface BrokerClass {
  /** What runs it in knative-eventing, beside what every class needs. */
  readonly runs: readonly string[];
  /** The command that installs it. */
  readonly install: string;
}

const CLASSES = {
  MTChannelBasedBroker: {
    runs: ['mt-broker-controller', 'mt-broker-ingress', 'mt-broker-filter'],
    install: INSTALL,
  },
  Kafka: {
    runs: ['kafka-controller', 'kafka-broker-receiver'],
    install: ['eventing-kafka-controller', 'eventing-kafka-broker']
      .map((file) => `-f ${EXTENSIONS}/eventing-kafka-broker/releases/latest/download/${file}.yaml`)
      .reduce((command, file) => `${command} ${file}`, 'kubectl apply'),
  },
  RabbitMQBroker: {
    runs: ['rabbitmq-broker-controller'],
    install: `kubectl apply -f ${EXTENSIONS}/eventing-rabbitmq/releases/latest/download/rabbitmq-broker.yaml`,
  },
} satisfies Readonly<Record<string, BrokerClass>>;

/** The broker classes that the chart knows. */
export const CLASS_NAMES = Object.keys(CLASSES) as readonly (keyof typeof CLASSES)[];

/** Whether the cluster has the kinds that the shop is made of. What is missing first is told: one command installs all. */
export async function checkApis(look: Examination): Promise<boolean> {
  for (const { group, version, kinds } of APIS) {
    const found = await look.get<{ resources: { kind: string }[] }>(`/apis/${group}/${version}`);
    const has = found === undefined || found === 'unseen' ? [] : found.resources.map(({ kind }) => kind);
    const missing = kinds.filter((kind) => !has.includes(kind));
    if (missing.length > 0) {
      look.problem(await lacking(look, { group, version, kinds: missing }), INSTALL);
      return false;
    }
    look.facts.push(`${group}/${version}: ${kinds.join(', ')}`);
  }
  await checkCrds(look);
  return true;
}

async function lacking(look: Examination, { group, version, kinds }: Api): Promise<string> {
  const known = await look.get<{ versions: { version: string }[] }>(`/apis/${group}`);
  if (known === undefined || known === 'unseen')
    return `Knative Eventing is missing: the cluster has no ${group}.`;
  const versions = known.versions.map((each) => each.version).join(', ');
  return `Knative Eventing is not of a version that fits: there is no ${kinds.join(' and ')} in ${group}/${version}; it has ${versions}.`;
}

/** One that is being deleted takes every object with it, and is served until then. */
async function checkCrds(look: Examination): Promise<void> {
  for (const name of CRDS) {
    const crd = await look.get<KubeObject>(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`);
    if (crd === 'unseen') return;
    if (crd?.metadata.deletionTimestamp !== undefined)
      look.problem(`The CRD ${name} is being deleted, with every object of its kind.`, INSTALL);
  }
}

/** Knative's feature flags, by name. */
export type Features = Readonly<Record<string, string>>;

/** The feature flags; `undefined` where they may not be seen. */
export async function readFeatures(look: Examination): Promise<Features | undefined> {
  const map = await look.get<{ data?: Record<string, string> }>(
    '/api/v1/namespaces/knative-eventing/configmaps/config-features',
  );
  if (map === 'unseen') return undefined;
  const { _example, ...features } = map?.data ?? {};
  const set = Object.entries(features).filter(([, value]) => value !== 'disabled');
  look.facts.push(`features: ${set.map(([name, value]) => `${name} ${value}`).join(', ') || 'none'}`);
  return features;
}

/** Whether tokens are given, where the shop asks for them. */
export function checkOidc(look: Examination, features: Features | undefined, wanted: boolean): void {
  if (wanted && features && features['authentication-oidc'] !== 'enabled')
    look.problem(
      'The shop asks for tokens (security.eventing: oidc), and Knative gives none.',
      'kubectl patch configmap config-features -n knative-eventing --type merge -p \'{"data":{"authentication-oidc":"enabled"}}\'',
    );
}

type Deployment = KubeObject<object, { readonly availableReplicas?: number }>;

/** Whether what carries events of a class runs. */
export async function checkControlPlane(look: Examination, brokerClass: string): Promise<void> {
  const path = '/apis/apps/v1/namespaces/knative-eventing/deployments';
  const list = await look.get<{ items: readonly Deployment[] }>(path);
  if (list === 'unseen' || list === undefined) return;
  const { runs = [], install = INSTALL } =
    (CLASSES as Readonly<Record<string, BrokerClass>>)[brokerClass] ?? {};
  const available = new Map(
    list.items.map(({ metadata, status }) => [metadata.name, status?.availableReplicas ?? 0]),
  );
  const missing = runs.filter((name) => !available.has(name));
  if (missing.length > 0)
    look.problem(
      `Broker class ${brokerClass} is not installed: knative-eventing has no ${missing.join(', ')}.`,
      install,
    );
  for (const name of ['eventing-controller', 'eventing-webhook', ...runs])
    if (available.get(name) === 0)
      look.problem(
        name === 'eventing-webhook'
          ? 'eventing-webhook does not run: meanwhile no Deployment of the cluster can be made or changed.'
          : `${name} does not run, so Knative does not do its work.`,
        `kubectl describe deployment -n knative-eventing ${name}`,
      );
}

const ENFORCE = 'pod-security.kubernetes.io/enforce';

/** Whether the namespace takes the Pods that a class runs beside its Brokers: RabbitMQ's name no seccomp profile. */
export async function checkNamespace(
  look: Examination,
  namespace: string,
  brokerClass: string,
): Promise<void> {
  if (brokerClass !== 'RabbitMQBroker') return;
  const found = await look.get<KubeObject>(`/api/v1/namespaces/${namespace}`);
  if (found === undefined || found === 'unseen' || found.metadata.labels?.[ENFORCE] !== 'restricted') return;
  look.problem(
    `Namespace ${namespace} is restricted, so it takes no Pods of the RabbitMQ Broker, and the Broker is never ready.`,
    `kubectl label namespace ${namespace} --overwrite ${ENFORCE}=baseline`,
  );
}
