import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../platform/errors.ts';
import type { ApiServer } from '../../services/cluster/api-server.ts';
import { draw, examine } from '../../services/cluster/doctor/doctor.ts';
import { RELEASE } from './installation.ts';
import type { Tools } from './tools.ts';

/** The ledger's open dead letters, as far as it answers. */
export type ReadLetters = () => Promise<unknown>;

const WIRING = 'brokers.eventing.knative.dev,triggers.eventing.knative.dev,sinkbindings.sources.knative.dev';

/**
 * Writes down what a namespace looks like: the doctor's word, events, objects, the logs of all containers and of those
 * before them, and dead letters. What cannot be had is told in its file; no Secret is read.
 * @param letters absent where there is no shop to ask
 */
export async function collect(
  folder: string,
  ask: ApiServer,
  tools: Tools,
  letters: ReadLetters | undefined,
): Promise<void> {
  const { namespace } = tools.place;
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const write = async (file: string, read: () => Promise<string>): Promise<void> => {
    const text = await read().catch((error: unknown) => `cannot be had: ${messageOf(error)}\n`);
    writeFileSync(join(folder, file), text);
  };
  const commands: Readonly<Record<string, readonly string[]>> = {
    'events.txt': ['get', 'events', '--sort-by=.metadata.creationTimestamp', '--output=wide'],
    'objects.txt': ['get', 'all,persistentvolumeclaims,networkpolicies,jobs', '--output=wide'],
    'wiring.txt': ['describe', WIRING],
    'pods.txt': ['describe', 'pods'],
    'deployments.txt': ['describe', 'deployments,replicasets,jobs'],
  };
  await write('doctor.txt', async () => draw(await examine(ask, { namespace, release: RELEASE })));
  for (const [file, args] of Object.entries(commands)) await write(file, () => tools.kubectl(args));
  await write('release.txt', () => tools.helm(['history', RELEASE]));
  if (letters) await write('dead-letters.json', async () => JSON.stringify(await letters(), undefined, 2));
  for (const pod of await podNames(tools)) {
    const args = ['logs', pod, '--all-containers', '--prefix', '--timestamps'];
    await write(`logs/${pod}.log`, () => tools.kubectl(args));
    await write(`logs/${pod}.previous.log`, () => tools.kubectl([...args, '--previous']));
  }
}

async function podNames(tools: Tools): Promise<readonly string[]> {
  const said = await tools.kubectl(['get', 'pods', '--output=name']).catch(() => '');
  return said
    .split('\n')
    .filter(Boolean)
    .map((name) => name.replace(/^pod\//, ''));
}
