import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../services/cluster/api-server.ts';
import type { Tools } from './tools.ts';

const MANAGED_BY = 'app.kubernetes.io/managed-by';
const SUITE = 'tradewind-e2e';
/** Of one run: another one with the same name has another. */
const RUN = 'tradewind-e2e/run';
const LOOK_MS = 500;

interface Namespace {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly conditions?: readonly { readonly status: string; readonly message?: string }[];
  };
}

/** @throws Error when the namespace is there already: whoever made it may want it */
export async function refuseExisting(ask: ApiServer, tools: Tools): Promise<void> {
  const { namespace: name } = tools.place;
  const found = await look(ask, name);
  if (found) {
    const own = isOwn(found);
    throw new Error(
      own
        ? `namespace ${name} is left over from a run before; remove it, or choose another one:\n  ${tools.removal}`
        : `namespace ${name} exists and is somebody's: choose another one, which will be made and removed`,
    );
  }
}

/**
 * Makes a namespace where every Pod has to be as restricted as can be.
 * @param run by which it is known as this run's, and removed
 * @throws Error when it is there already
 */
export async function makeNamespace(tools: Tools, run: string): Promise<void> {
  const { namespace: name } = tools.place;
  const labels = {
    [MANAGED_BY]: SUITE,
    [RUN]: run,
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/enforce-version': 'latest',
  };
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  await tools.kubectl(['create', '--filename', '-'], JSON.stringify(object));
}

/**
 * Removes the namespace with all that is in it, and waits until it is gone. One that is not this run's stays; one that
 * may not be looked at goes only if this run has created it.
 * @throws Error saying what keeps it
 */
export async function removeNamespace(
  ask: ApiServer,
  tools: Tools,
  { run, isCreated }: { readonly run: string; readonly isCreated: boolean },
  patienceMs: number,
): Promise<void> {
  const { namespace } = tools.place;
  const present = await look(ask, namespace);
  if (present ? present.metadata.labels?.[RUN] !== run : !isCreated) return;
  await tools.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false']);
  const end = performance.now() + patienceMs;
  for (;;) {
    const left = await look(ask, namespace);
    if (!left) return;
    if (performance.now() > end) {
      const waits = left.status?.conditions?.filter(({ status }) => status === 'True') ?? [];
      const why = waits.map(({ message }) => message).join('; ');
      throw new Error(
        `namespace ${namespace} is not gone after ${patienceMs / 1000} s: ${why || 'no reason given'}`,
      );
    }
    await sleep(LOOK_MS);
  }
}

async function look(ask: ApiServer, name: string): Promise<Namespace | undefined> {
  const { status, body } = await ask(`/api/v1/namespaces/${name}`);
  if (status === 200) return body as Namespace;
  // Whoever may see no namespace may still be let make this one.
  if (status === 404 || status === 403) return undefined;
  throw new Error(`the API server answers ${status} to GET namespace ${name}`);
}

function isOwn({ metadata }: Namespace): boolean {
  return metadata.labels?.[MANAGED_BY] === SUITE;
}
