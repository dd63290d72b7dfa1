import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Program } from '../../services/local/keeper.ts';
import { portOf, portSpan, programs, type ShopOptions } from '../../services/local/plan.ts';
import { programsOf, supervise, type Supervisor } from '../../services/local/supervisor.ts';
import { openProxy, type Balance } from './proxy.ts';

/** Several processes of each service, with a proxy where a single one would be. */
export interface ReplicatedShop extends AsyncDisposable {
  readonly supervisor: Supervisor;
  /** Addresses of a service's replicas, past the proxy. */
  urlsOf(service: string): string[];
}

export interface Replication {
  readonly replicas: number;
  readonly balance: Balance;
}

/** How many ports in a row such a shop takes. */
export function portsOf(replicas: number): number {
  return portSpan() * (replicas + 1);
}

/** Starts a broker, and of each service several replicas. Resolves when all are ready. */
export async function superviseReplicas(
  shop: ShopOptions,
  { replicas, balance }: Replication,
): Promise<ReplicatedShop> {
  const numbers = Array.from({ length: replicas }, (_, index) => index + 1);
  const portsOfService = (name: string): number[] =>
    numbers.map((number) => portOf(name, shop) + number * portSpan());
  const open: AsyncDisposable[] = [];
  const closeAll = async (): Promise<void> => {
    for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
  };
  try {
    for (const name of programs().filter((each) => each !== 'broker')) {
      const ports = portsOfService(name);
      open.push(await openProxy({ port: portOf(name, shop), balance, replicas: () => ports }));
    }
    const [broker, ...services] = programsOf(shop);
    const waves = numbers.map((number, index) => [
      ...(broker && index === 0 ? [patient(broker)] : []),
      ...services.map((program) => replicaOf(program, number, portsOfService(program.name)[index])),
    ]);
    const supervisors: Supervisor[] = [];
    // One after the other: a dozen processes that start at once are late where there are few processors.
    for (const wave of waves) {
      const supervisor = await supervise(wave, 'silent');
      supervisors.unshift(supervisor);
      open.push({ [Symbol.asyncDispose]: () => supervisor.close() });
    }
    return {
      supervisor: together(supervisors),
      urlsOf: (service) => portsOfService(service).map((port) => `http://127.0.0.1:${port}`),
      [Symbol.asyncDispose]: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Starts a shop of processes, one of each service or several. */
export async function superviseBy(
  shop: ShopOptions,
  replication: Replication | undefined,
): Promise<Supervisor> {
  if (!replication) return supervise(programsOf(shop).map(patient), 'silent');
  const { supervisor, ...replicated } = await superviseReplicas(shop, replication);
  return { ...supervisor, close: async () => replicated[Symbol.asyncDispose]() };
}

/** The processes of a service. */
export function processesOf({ names }: Supervisor, service: string): string[] {
  return names.filter((name) => name === service || name.startsWith(`${service} `));
}

function replicaOf(program: Program, number: number, port = 0): Program {
  const env = { ...program.env, PORT: String(port), NODE_COMPILE_CACHE: compileCache };
  return patient({ ...program, name: `${program.name} ${number}`, env });
}

function patient(program: Program): Program {
  return { ...program, readyWithinMs: READY_WITHIN_MS };
}

/** So many processes share few processors, perhaps with other work. */
const READY_WITHIN_MS = 60_000;

/** The code of all these processes is the same. */
const compileCache = join(tmpdir(), 'tradewind-compile-cache');

function together(supervisors: readonly Supervisor[]): Supervisor {
  const of = (name: string): Supervisor => {
    const found = supervisors.find(({ names }) => names.includes(name));
    if (!found) throw new Error(`there is no program "${name}"`);
    return found;
  };
  return {
    names: supervisors.flatMap(({ names }) => names),
    pidOf: (name) => of(name).pidOf(name),
    stop: (name) => of(name).stop(name),
    start: (name) => of(name).start(name),
    async close() {
      for (const supervisor of supervisors) await supervisor.close();
    },
  };
}
