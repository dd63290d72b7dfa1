import type { ApiServer } from '../../services/cluster/api-server.ts';

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** The Pods of a service, by name: those that can serve, and all that are not over. */
export interface Pods {
  readonly ready: readonly string[];
  readonly all: readonly string[];
}

/** Looks for the Pods of a part of a release, or for all of its Pods. @throws Error when they may not be listed */
export async function podsOf(
  ask: ApiServer,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<Pods> {
  const selector = Object.entries(labels).map(([name, value]) => `app.kubernetes.io/${name}=${value}`);
  const query = `labelSelector=${encodeURIComponent(selector.join(','))}`;
  const { status, body } = await ask(`/api/v1/namespaces/${namespace}/pods?${query}`);
  if (status !== 200) throw new Error(`the API server answers ${status} to a list of Pods in ${namespace}`);
  const alive = (body as { items: readonly Pod[] }).items.filter(
    (pod) => !['Succeeded', 'Failed'].includes(pod.status?.phase ?? ''),
  );
  const ready = alive.filter(
    ({ metadata, status: state }) =>
      metadata.deletionTimestamp === undefined &&
      state?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True'),
  );
  return { ready: ready.map(nameOf), all: alive.map(nameOf) };
}

function nameOf({ metadata }: Pod): string {
  return metadata.name;
}
