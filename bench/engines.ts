import { startChildShop, type ChildShop } from './lib/child-shop.ts';
import { closedLoop } from './lib/closed-loop.ts';
import { openDatabaseServer, type Counts, type DatabaseServer } from './lib/database.ts';
import { report } from './lib/figures.ts';
import { atRate, Load, percentile, type Accepted } from './lib/load.ts';
import { cpuByRole, usesBelow } from './lib/processes.ts';

const STOCK = { quantity: 1_000_000, reference: 'bench' };
const CAPTURED = 'shop.tradewind.payment.captured.v1';
const DATABASE = 'tradewind_bench';
const WARM_UP_SECONDS = 5;
/** Orders per second that both engines take with room to spare: what they wait is not for each other. */
const STEADY_RATE = 20;

export interface EngineOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly portBase: number;
  /** Of a PostgreSQL server that is there; without it one is started. */
  readonly databaseUrl: string | undefined;
}

type Engine = 'SQLite' | 'PostgreSQL';

/** What one round on one engine came to. */
interface Round {
  readonly ordersPerSecond: number;
  /** Milliseconds from the answer to an order to the capture of its money, by the time of that event. */
  readonly waits: readonly number[];
  /** Milliseconds of processor time per order, by role. */
  readonly cpu: ReadonlyMap<string, number>;
  /** Per order. */
  readonly counts: Counts | undefined;
}

/** The same load on the same programs over both engines, in turns, so that whatever else the machine does meets both. */
export async function engines(options: EngineOptions): Promise<void> {
  await using server = await openDatabaseServer(options.databaseUrl);
  const rounds: Record<Engine, Round[]> = { SQLite: [], PostgreSQL: [] };
  for (let number = 1; number <= options.rounds; number += 1) {
    for (const engine of ['SQLite', 'PostgreSQL'] as const) {
      const round = await measure(engine, server, options);
      rounds[engine].push(round);
      console.log(`${engine}, round ${number}: ${round.ordersPerSecond.toFixed(0)} orders/s`);
    }
  }
  for (const [engine, all] of Object.entries(rounds)) tell(engine, all);
  printCpu(rounds);
}

async function measure(engine: Engine, server: DatabaseServer, options: EngineOptions): Promise<Round> {
  const url = engine === 'PostgreSQL' ? await server.fresh(DATABASE) : undefined;
  try {
    const env = url === undefined ? {} : { DATABASE_URL: url };
    const args = ['--auto-dispatch', '0s', '--processes'];
    await using shop = await startChildShop(options.portBase, args, env);
    await shop.staff('inventory', 'POST', '/api/stock/TW-ROPE-10/receipts', STOCK);
    return await load(shop, url === undefined ? undefined : server, options.seconds);
  } finally {
    if (url !== undefined) await server.drop(DATABASE);
  }
}

async function load(shop: ChildShop, server: DatabaseServer | undefined, seconds: number): Promise<Round> {
  const customers = new Load(shop.url('storefront'));
  const captured = (): Promise<number> =>
    shop.metric('tradewind_events_total', `type="${CAPTURED}"`, ['storefront']);
  const warm = await closedLoop(customers, captured, WARM_UP_SECONDS);
  await shop.drained(60_000);
  const used = await snapshot(shop, server);
  const busy = await closedLoop(customers, captured, seconds);
  await shop.drained(60_000);
  const cost = perOrder(used, await snapshot(shop, server), busy.accepted.length);
  const steady = await atRate(STEADY_RATE, seconds, () => customers.place());
  await shop.drained(60_000);
  await customers.close();
  const times = await capturedAt(shop);
  checkCaptured(times, [...warm.accepted, ...busy.accepted, ...steady]);
  const waits = steady.map(({ id, acceptedAt }) => (times.get(id) ?? Number.NaN) - acceptedAt);
  return { ordersPerSecond: busy.done / busy.seconds, waits, ...cost };
}

interface Used {
  readonly cpu: ReadonlyMap<string, number>;
  readonly counts: Counts | undefined;
}

async function snapshot(shop: ChildShop, server: DatabaseServer | undefined): Promise<Used> {
  const uses = await usesBelow(shop.pid);
  if (server?.pid !== undefined) uses.push(...(await usesBelow(server.pid)));
  const cpu = cpuByRole(uses);
  const own = process.cpuUsage();
  cpu.set('load generator', (own.user + own.system) / 1000);
  return { cpu, counts: await server?.counts(DATABASE) };
}

/** What was used between two moments, for each of some orders. */
export function perOrder(before: Used, after: Used, orders: number): Used {
  const cpu = [...after.cpu].map(
    ([role, ms]) => [role, (ms - (before.cpu.get(role) ?? 0)) / orders] as const,
  );
  const share = (now: number, then: number | undefined): number => (now - (then ?? Number.NaN)) / orders;
  const { statements } = after.counts ?? {};
  const counts = after.counts && {
    commits: share(after.counts.commits, before.counts?.commits),
    statements: statements === undefined ? undefined : share(statements, before.counts?.statements),
  };
  return { cpu: new Map(cpu), counts };
}

interface Page {
  readonly items: readonly { readonly correlationid: string; readonly time: string }[];
  readonly next?: string;
}

/** When each order's money was captured, as the ledger has it. */
async function capturedAt(shop: ChildShop): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  let cursor = '';
  do {
    const path = `/api/events?type=${CAPTURED}&limit=500${cursor}`;
    const page = (await (await shop.staff('ledger', 'GET', path)).json()) as Page;
    for (const { correlationid: order, time } of page.items) {
      if (times.has(order)) throw new Error(`${order} was captured twice`);
      times.set(order, Date.parse(time));
    }
    cursor = page.next === undefined ? '' : `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor);
  return times;
}

function checkCaptured(times: ReadonlyMap<string, number>, orders: readonly Accepted[]): void {
  const missing = orders.filter(({ id }) => !times.has(id));
  if (missing.length > 0 || times.size !== orders.length) {
    throw new Error(`of ${orders.length} orders ${missing.length} were not captured; ${times.size} were`);
  }
}

function tell(engine: string, rounds: readonly Round[]): void {
  const speeds = rounds.map((round) => round.ordersPerSecond);
  const value = percentile(speeds, 0.5);
  const list = speeds.map((speed) => speed.toFixed(0)).join(', ');
  report({ name: `${engine}: whole orders (${list})`, value, unit: 'orders/s', target: '-', met: true });
  for (const share of [0.5, 0.99]) {
    const name = `${engine}: accepted to captured at ${STEADY_RATE} orders/s, p${share * 100}`;
    const wait = percentile(
      rounds.flatMap(({ waits }) => waits),
      share,
    );
    report({ name, value: wait, unit: 'ms', target: '< 1000', met: wait < 1000 });
  }
  for (const what of ['commits', 'statements'] as const) {
    const counts = rounds.flatMap((round) => round.counts?.[what] ?? []);
    if (counts.length === 0) continue;
    const name = `${engine}: ${what} of an order`;
    report({ name, value: percentile(counts, 0.5), unit: '', target: '-', met: true });
  }
}

function median(values: readonly number[]): string {
  return percentile(values, 0.5).toFixed(2);
}

/** Milliseconds of processor time per order, the median of the rounds. */
function printCpu(rounds: Readonly<Record<Engine, readonly Round[]>>): void {
  const table: Record<string, Record<string, string>> = {};
  for (const [engine, all] of Object.entries(rounds)) {
    const roles = new Set(all.flatMap(({ cpu }) => [...cpu.keys()]));
    for (const role of roles) {
      (table[role] ??= {})[engine] = median(all.map(({ cpu }) => cpu.get(role) ?? 0));
    }
    const totals = all.map(({ cpu }) => [...cpu.values()].reduce((sum, ms) => sum + ms, 0));
    (table['total'] ??= {})[engine] = median(totals);
  }
  console.log('processor time per order, ms');
  console.table(table);
}
