import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { services } from '../services/index.ts';
import {
  brokerEnvironment,
  portOf,
  serviceEnvironment,
  sinkAt,
  type ShopOptions,
} from '../services/local/plan.ts';
import { root } from '../test/support/root.ts';
import { until } from '../test/support/until.ts';
import { startChildProgram, type ChildProgram } from './lib/child-program.ts';
import { flagsOf, roomOf, type Room } from './lib/container.ts';
import { openDatabaseServer } from './lib/database.ts';
import { report } from './lib/figures.ts';
import { atRate, Load } from './lib/load.ts';
import { memoryOf, type Memory } from './lib/processes.ts';

const DATABASE = 'tradewind_footprint';
/** Orders per second that a small machine keeps up with, its PostgreSQL included. */
const RATES = { SQLite: 50, PostgreSQL: 20 } as const;
type Engine = keyof typeof RATES;
const REST_MS = 10_000;
const SAMPLE_MS = 500;
const WAITING = ['tradewind_outbox_events', 'tradewind_tasks_due', 'tradewind_broker_waiting'];

export interface FootprintOptions {
  /** Of load. */
  readonly seconds: number;
  readonly portBase: number;
  readonly databaseUrl: string | undefined;
}

interface Running {
  readonly name: string;
  readonly program: ChildProgram;
  readonly room: Room;
}

/** Memory of each service with the flags and the room that it has in a cluster: at rest, under load, and after it. */
export async function footprint(options: FootprintOptions): Promise<void> {
  await measure('SQLite', undefined, options);
  await using server = await openDatabaseServer(options.databaseUrl);
  await measure('PostgreSQL', await server.fresh(DATABASE), options);
  await server.drop(DATABASE);
}

async function measure(
  engine: Engine,
  databaseUrl: string | undefined,
  options: FootprintOptions,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tradewind-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const shop: ShopOptions = {
    dataDir,
    portBase: options.portBase,
    autoDispatch: '0s',
    secrets: { staffToken: random(), sessionSecret: random() },
    env: { LOG_LEVEL: 'error', NODE_ENV: 'production', ...(databaseUrl && { DATABASE_URL: databaseUrl }) },
  };
  const broker = stack.use(await startBroker(shop));
  const running: Running[] = [];
  for (const { name } of services) {
    const { program, room } = await startService(name, shop, broker.url);
    running.push({ name, room, program: stack.use(program) });
  }
  const rest = await afterRest(running);
  const programs = [broker, ...running.map(({ program }) => program)];
  const peaks = await underLoad(shop, programs, running, { seconds: options.seconds, rate: RATES[engine] });
  const after = await afterRest(running);
  tell(engine, running, rest, peaks, after);
}

function random(): string {
  return randomBytes(32).toString('base64url');
}

function startBroker(shop: ShopOptions): Promise<ChildProgram> {
  const env = brokerEnvironment(shop);
  return startChildProgram('platform/broker/main.ts', [], portOf('broker', shop), defined(env));
}

async function startService(
  name: string,
  shop: ShopOptions,
  brokerUrl: string,
): Promise<{ program: ChildProgram; room: Room }> {
  const [values, dockerfile] = await Promise.all(
    ['charts/tradewind/values.yaml', 'Dockerfile'].map((file) => readFile(join(root, file), 'utf8')),
  );
  const room = roomOf(values ?? '', name);
  const flags = flagsOf(dockerfile ?? '', room.limit);
  const env = defined(serviceEnvironment(name, shop, sinkAt(brokerUrl)));
  const program = await startChildProgram('services/main.ts', [name], portOf(name, shop), env, flags);
  return { program, room };
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

async function sample(running: readonly Running[]): Promise<Memory[]> {
  return Promise.all(
    running.map(async ({ program }) => memoryOf(await readFile(`/proc/${program.pid}/smaps_rollup`, 'utf8'))),
  );
}

async function afterRest(running: readonly Running[]): Promise<Memory[]> {
  await new Promise((resume) => setTimeout(resume, REST_MS));
  return sample(running);
}

/** The most that each service held at one moment while orders came, and until nothing waited any more. */
async function underLoad(
  shop: ShopOptions,
  programs: readonly ChildProgram[],
  running: readonly Running[],
  { seconds, rate }: { readonly seconds: number; readonly rate: number },
): Promise<Memory[]> {
  const storefront = `http://127.0.0.1:${portOf('storefront', shop)}`;
  await stock(shop);
  const load = new Load(storefront);
  let peaks = await sample(running);
  const look = async (): Promise<void> => {
    const now = await sample(running);
    peaks = peaks.map((peak, index) => larger(peak, now[index] ?? peak));
  };
  const watch = setInterval(() => void look(), SAMPLE_MS);
  await atRate(rate, seconds, () => load.place());
  const waits = async (): Promise<number> => {
    const counts = programs.flatMap((program) => WAITING.map((name) => program.metric(name)));
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  };
  await until('nothing waits anywhere', async () => (await waits()) === 0, 120_000);
  clearInterval(watch);
  await load.close();
  return peaks;
}

function larger(a: Memory, b: Memory): Memory {
  return { rss: Math.max(a.rss, b.rss), pss: Math.max(a.pss, b.pss), uss: Math.max(a.uss, b.uss) };
}

async function stock(shop: ShopOptions): Promise<void> {
  const url = `http://127.0.0.1:${portOf('inventory', shop)}/api/stock/TW-ROPE-10/receipts`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${shop.secrets.staffToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ quantity: 1_000_000, reference: 'bench' }),
  });
  if (!answer.ok) throw new Error(`a receipt of goods was answered ${answer.status}`);
}

function megabytes(bytes: number | undefined): number {
  return Math.round((bytes ?? Number.NaN) / 1024 / 1024);
}

function three(memory: Memory | undefined): string {
  return [memory?.rss, memory?.pss, memory?.uss].map(megabytes).join(' / ');
}

function tell(
  engine: Engine,
  running: readonly Running[],
  rest: readonly Memory[],
  peaks: readonly Memory[],
  after: readonly Memory[],
): void {
  console.log(`${engine}: resident / proportional / its own memory, MB`);
  console.table(
    Object.fromEntries(
      running.map(({ name, room }, index) => [
        name,
        {
          'at rest': three(rest[index]),
          [`most at ${RATES[engine]} orders/s`]: three(peaks[index]),
          'at rest after it': three(after[index]),
          request: megabytes(room.request),
          limit: megabytes(room.limit),
        },
      ]),
    ),
  );
  for (const [index, { name, room }] of running.entries()) {
    const value = megabytes(peaks[index]?.rss);
    const limit = megabytes(room.limit);
    const figure = `${name} on ${engine}: most memory at ${RATES[engine]} orders/s`;
    report({ name: figure, value, unit: 'MB', target: `< ${limit}`, met: value < limit });
  }
}
