import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createLog, type Log } from '../../platform/log.ts';
import { services } from '../index.ts';
import {
  addressOf,
  brokerEnvironment,
  programs,
  serviceEnvironment,
  sinkAt,
  type Environment,
  type ShopOptions,
} from './plan.ts';

/** A whole shop in processes of its own. */
export interface Supervisor {
  /** Process id of a program, while it runs. */
  pidOf(name: string): number | undefined;
  close(): Promise<void>;
}

interface Program {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Environment;
}

const READY_WITHIN_MS = 20_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;
/** A program that ran this long has not failed at its start. */
const STEADY_MS = 10_000;
const STOP_WITHIN_MS = 8500;

/** Starts the broker and each service as a process of its own, and restarts what dies. Resolves when all are ready. */
export async function superviseShop(options: ShopOptions): Promise<Supervisor> {
  const log = createLog({
    service: 'supervisor',
    level: options.env?.['LOG_LEVEL'] ?? 'info',
    format: 'text',
  });
  const keepers = programsOf(options).map((program) => new Keeper(program, log));
  const byName = new Map(keepers.map((keeper) => [keeper.name, keeper]));
  const close = async (): Promise<void> => {
    const broker = byName.get('broker');
    await Promise.all(keepers.filter((keeper) => keeper !== broker).map((keeper) => keeper.stop()));
    await broker?.stop();
  };
  try {
    await Promise.all(programs().map((name) => ready(addressOf(name, options), name, byName.get(name))));
  } catch (error) {
    await close();
    throw error;
  }
  return { pidOf: (name) => byName.get(name)?.pid, close };
}

function programsOf(options: ShopOptions): Program[] {
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

async function ready(address: string, name: string, keeper: Keeper | undefined): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS;
  while (performance.now() < end) {
    if (keeper?.failedAtStart) break;
    const answer = await fetch(`${address}/readyz`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await pause(20);
  }
  throw new Error(`${name} did not become ready; what it said stands above`);
}

/** Keeps one program running. */
class Keeper {
  readonly name: string;
  readonly #program: Program;
  readonly #log: Log;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopping = false;

  constructor(program: Program, log: Log) {
    this.name = program.name;
    this.#program = program;
    this.#log = log;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** It ended by itself with an error before it ever ran for long: its settings or its port are wrong. */
  get failedAtStart(): boolean {
    return this.#failures > 2;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_WITHIN_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #start(): void {
    const { script: path, args, env } = this.#program;
    const startedAt = performance.now();
    // The channel tells a child that its supervisor is gone, however that ended.
    const child = fork(path, args, {
      env,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) =>
        this.#log.error({ program: this.name, err: error }, 'could not be started'),
      );
      child.once('exit', (code, signal) => {
        this.#child = undefined;
        resolve();
        if (!this.#stopping) this.#startAgain(performance.now() - startedAt, signal ?? `code ${code}`);
      });
    });
  }

  #startAgain(ranFor: number, how: string): void {
    this.#failures = ranFor > STEADY_MS ? 0 : this.#failures + 1;
    const wait = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 6));
    this.#log.warn(
      { program: this.name, ended: how, restartInMs: wait },
      'a program ended; it is started again',
    );
    this.#restart = setTimeout(() => this.#start(), wait);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}
