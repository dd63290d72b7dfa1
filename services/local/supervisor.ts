import { fileURLToPath } from 'node:url';
import { createLog } from '../../platform/log.ts';
import { services } from '../index.ts';
import { Keeper, type Program } from './keeper.ts';
import { addressOf, brokerEnvironment, serviceEnvironment, sinkAt, type ShopOptions } from './plan.ts';

/** A whole shop in processes of its own. */
export interface Supervisor {
  /** Its programs, whether they run or not. */
  readonly names: readonly string[];
  /** Process id of a program, while it runs. */
  pidOf(name: string): number | undefined;
  /** Stops one program; it stays away until it is started. */
  stop(name: string): Promise<void>;
  /** Starts a program that was stopped. Resolves when it is ready. */
  start(name: string): Promise<void>;
  close(): Promise<void>;
}

/** From the first signal to the last process: below the ten seconds that users wait. */
const STOP_WITHIN_MS = 9000;
/** The broker stays until the services have sent what they still could, but keeps this time for itself. */
const BROKER_SHARE_MS = 2500;

/** Starts the broker and each service as a process of its own, and restarts what dies. Resolves when all are ready. */
export function superviseShop(options: ShopOptions): Promise<Supervisor> {
  return supervise(programsOf(options), options.env?.['LOG_LEVEL']);
}

/** Starts programs, and restarts what dies. Resolves when all are ready. @param programs the broker first */
export async function supervise(programs: readonly Program[], level = 'info'): Promise<Supervisor> {
  const log = createLog({ service: 'supervisor', level, format: 'text' });
  const start = (program: Program): Keeper => new Keeper(program, log);
  const shop = programs.map((program) => ({ program, keeper: start(program) }));
  const stop = (): Promise<void> => stopAll(shop.map(({ keeper }) => keeper));
  try {
    await Promise.all(shop.map(({ keeper }) => keeper.ready));
  } catch (error) {
    await stop();
    throw error;
  }
  const find = (name: string): (typeof shop)[number] => {
    const found = shop.find(({ program }) => program.name === name);
    if (!found) throw new Error(`there is no program "${name}"`);
    return found;
  };
  return {
    names: programs.map(({ name }) => name),
    pidOf: (name) => find(name).keeper.pid,
    stop: (name) => find(name).keeper.stop(STOP_WITHIN_MS),
    async start(name) {
      const one = find(name);
      one.keeper = start(one.program);
      await one.keeper.ready;
    },
    close: stop,
  };
}

/** What a shop consists of, the broker first. */
export function programsOf(options: ShopOptions): Program[] {
  const sink = sinkAt(addressOf('broker', options));
  const main = script('../main.ts');
  return [
    {
      name: 'broker',
      script: script('../../platform/broker/main.ts'),
      args: [],
      env: brokerEnvironment(options),
    },
    ...services.map(({ name }) => ({
      name,
      script: main,
      args: [name],
      env: serviceEnvironment(name, options, sink),
    })),
  ];
}

function script(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

async function stopAll(keepers: readonly Keeper[]): Promise<void> {
  // First of all nothing is restarted any more: a signal to the whole group reaches the broker as well.
  for (const keeper of keepers) keeper.retire();
  const end = performance.now() + STOP_WITHIN_MS;
  const [broker, ...others] = keepers;
  await Promise.all(others.map((keeper) => keeper.stop(STOP_WITHIN_MS - BROKER_SHARE_MS)));
  await broker?.stop(end - performance.now());
}
