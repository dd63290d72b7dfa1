import type { Condition, Examination, KubeObject, Subject } from './examination.ts';

interface Container {
  readonly env?: readonly { readonly name: string }[];
}
type Deployment = KubeObject<
  {
    readonly replicas?: number;
    readonly template?: { readonly spec?: { readonly containers?: readonly Container[] } };
  },
  { readonly availableReplicas?: number }
>;
interface ContainerStatus {
  readonly name: string;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
}
type Pod = KubeObject<
  object,
  {
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  }
>;

const COMPONENT = 'app.kubernetes.io/component';

/** Looks at the Deployments of a release, and at the Pods of those that lack some. @returns whether there are any */
export async function checkWorkloads(look: Examination, { namespace, release }: Subject): Promise<boolean> {
  const deployments = await look.list<Deployment>(
    `/apis/apps/v1/namespaces/${namespace}/deployments`,
    release,
  );
  const pods = await look.list<Pod>(`/api/v1/namespaces/${namespace}/pods`, release);
  look.facts.push(`Deployments: ${deployments.length}`);
  for (const deployment of deployments) {
    const { name, labels = {} } = deployment.metadata;
    const { replicas = 1 } = deployment.spec ?? {};
    const available = deployment.status?.availableReplicas ?? 0;
    const own = pods.filter(({ metadata }) => metadata.labels?.[COMPONENT] === labels[COMPONENT]);
    if (replicas === 0)
      look.problem(
        `${name} is scaled to 0: its events become dead letters.`,
        `kubectl scale deployment -n ${namespace} ${name} --replicas 1`,
      );
    else if (available < replicas) explain(look, deployment, own, namespace);
    else if (!hasSink(deployment))
      look.problem(
        `${name} does not know the Broker: its SinkBinding has not set K_SINK, so its events wait in the outbox.`,
        `kubectl describe sinkbinding -n ${namespace} ${name}`,
      );
  }
  return deployments.length > 0;
}

function hasSink({ spec }: Deployment): boolean {
  return (
    spec?.template?.spec?.containers?.some(({ env = [] }) => env.some(({ name }) => name === 'K_SINK')) ??
    false
  );
}

function explain(
  look: Examination,
  { metadata: { name }, status }: Deployment,
  pods: readonly Pod[],
  namespace: string,
): void {
  const refused = failing(status?.conditions, 'ReplicaFailure', 'True');
  if (refused) {
    look.problem(`${name} gets no Pod: ${refused}.`, `kubectl describe replicasets -n ${namespace}`);
    return;
  }
  for (const pod of pods) {
    const pending = failing(pod.status?.conditions, 'PodScheduled', 'False');
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    // While an init container waits, the others only wait for it.
    const container = [...initContainerStatuses, ...containerStatuses].find(({ state }) => state?.waiting);
    const waiting = container?.state?.waiting;
    const crashed = waiting?.reason === 'CrashLoopBackOff';
    const why = pending ?? (waiting && [waiting.reason, waiting.message].filter(Boolean).join(', '));
    if (why === undefined) continue;
    look.problem(
      `${name} has a Pod that does not run: ${why}.`,
      crashed
        ? `kubectl logs -n ${namespace} ${pod.metadata.name} -c ${container?.name} --previous`
        : `kubectl describe pod -n ${namespace} ${pod.metadata.name}`,
    );
    return;
  }
  look.problem(
    `${name} has too few Pods that are ready.`,
    `kubectl logs -n ${namespace} deployment/${name} --tail 50`,
  );
}

function failing(conditions: readonly Condition[] = [], type: string, bad: string): string | undefined {
  const found = conditions.find((each) => each.type === type && each.status === bad);
  return found && (found.message ?? found.reason ?? type);
}
