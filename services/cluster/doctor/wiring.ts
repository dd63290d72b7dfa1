import type { Features } from './knative.ts';
import { whyNotReady, type Examination, type KubeObject, type Subject } from './examination.ts';

interface Reference {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
}

type Broker = KubeObject<{
  readonly config?: Reference;
  readonly delivery?: { readonly deadLetterSink?: object };
}>;
export type Trigger = KubeObject<{
  readonly broker?: string;
  readonly subscriber?: { readonly audience?: string };
}>;

const EVENTING = '/apis/eventing.knative.dev/v1';
const CLASS = 'eventing.knative.dev/broker.class';

export function triggersOf(look: Examination, { namespace, release }: Subject): Promise<readonly Trigger[]> {
  return look.list<Trigger>(`${EVENTING}/namespaces/${namespace}/triggers`, release);
}

/** Looks at the Broker that the Triggers name. @returns its class */
export async function checkBroker(look: Examination, name: string, subject: Subject): Promise<string> {
  const { namespace, release } = subject;
  const broker = await look.get<Broker>(`${EVENTING}/namespaces/${namespace}/brokers/${name}`);
  if (broker === 'unseen') return '';
  if (!broker) {
    look.problem(
      `The Triggers of ${release} name Broker ${name}, which is not in namespace ${namespace}.`,
      `helm upgrade ${release} charts/tradewind -n ${namespace} --reset-then-reuse-values --set broker.create=true --wait`,
    );
    return '';
  }
  const brokerClass = broker.metadata.annotations?.[CLASS] ?? 'MTChannelBasedBroker';
  look.facts.push(`Broker ${name}: class ${brokerClass}, configured by ${nameOf(broker.spec?.config)}`);
  await checkConfig(look, name, broker.spec?.config, subject);
  const why = whyNotReady(broker);
  if (why !== undefined)
    look.problem(`Broker ${name} is not ready: ${why}.`, `kubectl describe broker -n ${namespace} ${name}`);
  if (!broker.spec?.delivery?.deadLetterSink) {
    const sink = {
      ref: { apiVersion: 'v1', kind: 'Service', name: `${release}-ledger` },
      uri: '/dead-letters',
    };
    const patch = JSON.stringify({ spec: { delivery: { deadLetterSink: sink } } });
    look.problem(
      `Broker ${name} has no dead letter sink: what it cannot deliver is lost.`,
      `kubectl patch broker -n ${namespace} ${name} --type merge -p '${patch}'`,
    );
  }
  return brokerClass;
}

function nameOf({ kind = '', name = '' }: Reference = {}): string {
  return name === '' ? 'the defaults of its class' : `${kind} ${name}`;
}

const PLACES: Readonly<Record<string, readonly [root: string, resource: string]>> = {
  ConfigMap: ['/api/v1', 'configmaps'],
  RabbitmqBrokerConfig: ['/apis/eventing.knative.dev/v1alpha1', 'rabbitmqbrokerconfigs'],
};

async function checkConfig(
  look: Examination,
  broker: string,
  config: Reference | undefined,
  subject: Subject,
): Promise<void> {
  const [root, resource] = PLACES[config?.kind ?? ''] ?? [];
  if (!config?.name || !root || !resource) return;
  const namespace = config.namespace ?? subject.namespace;
  if ((await look.get(`${root}/namespaces/${namespace}/${resource}/${config.name}`)) !== undefined) return;
  look.problem(
    `Broker ${broker} is configured by ${nameOf(config)} of namespace ${namespace}, which is not there.`,
    `kubectl get ${resource} -n ${namespace}`,
  );
}

/** Looks at the Triggers; what only waits for the Broker is not told again. */
export function checkTriggers(look: Examination, triggers: readonly Trigger[], { namespace }: Subject): void {
  look.facts.push(`Triggers: ${triggers.length}`);
  for (const trigger of triggers) {
    const why = whyNotReady(trigger);
    if (why === undefined || waitsFor(trigger, /^Broker/)) continue;
    const { name } = trigger.metadata;
    look.problem(`Trigger ${name} is not ready: ${why}.`, `kubectl describe trigger -n ${namespace} ${name}`);
  }
}

/** Looks at what puts the Broker's address into the Deployments. */
export async function checkBindings(look: Examination, { namespace, release }: Subject): Promise<void> {
  const path = `/apis/sources.knative.dev/v1/namespaces/${namespace}/sinkbindings`;
  const bindings = await look.list(path, release);
  look.facts.push(`SinkBindings: ${bindings.length}`);
  for (const binding of bindings) {
    const why = whyNotReady(binding);
    if (why === undefined || waitsFor(binding, /^SinkProvided$/)) continue;
    const { name } = binding.metadata;
    look.problem(
      `SinkBinding ${name} is not ready: ${why}.`,
      `kubectl describe sinkbinding -n ${namespace} ${name}`,
    );
  }
}

function waitsFor({ status }: KubeObject, condition: RegExp): boolean {
  return (status?.conditions ?? []).some((each) => condition.test(each.type) && each.status !== 'True');
}

/** EventPolicies mean something with OIDC alone; left over, they close the in-memory channel for good. */
export async function checkPolicies(
  look: Examination,
  features: Features | undefined,
  { namespace, release }: Subject,
): Promise<void> {
  if (!features) return;
  const policies = await look.list(
    `/apis/eventing.knative.dev/v1alpha1/namespaces/${namespace}/eventpolicies`,
  );
  if (features['authentication-oidc'] !== 'enabled') {
    for (const { metadata } of policies)
      look.problem(
        `EventPolicy ${metadata.name} is left over from OIDC, which is off: sooner or later every post is answered 500.`,
        `kubectl delete eventpolicy -n ${namespace} ${metadata.name}`,
      );
  } else if (features['default-authorization-mode'] === 'deny-all' && policies.length === 0)
    look.problem(
      'The cluster lets nobody send to a Broker without an EventPolicy, and there is none.',
      `helm upgrade ${release} charts/tradewind -n ${namespace} --reset-then-reuse-values --set security.eventing=oidc --wait`,
    );
}
