import { engines } from './engines.ts';
import { footprint } from './footprint.ts';
import { ledger } from './ledger.ts';
import { readArguments } from './lib/arguments.ts';
import { startChildShop } from './lib/child-shop.ts';
import { closedLoop } from './lib/closed-loop.ts';
import { printTable, report } from './lib/figures.ts';
import { atRate, Load, percentile } from './lib/load.ts';

const STOCK = { quantity: 1_000_000, reference: 'bench' };
const CAPTURED = 'type="shop.tradewind.payment.captured.v1"';
const scenarios = {
  start,
  orders,
  engines: () => engines({ seconds, rounds, portBase, databaseUrl }),
  latency,
  memory,
  footprint: () => footprint({ seconds, portBase, databaseUrl }),
  ledger: () => ledger(seconds, portBase),
};

const usage = `npm run bench -- [${Object.keys(scenarios).join('|')} …] [--seconds 30] [--rounds 3] [--port-base 28080]
                 [--database-url postgres://…]

Measures a shop that npm start runs, and a ledger with a million events; one JSON line per figure, and a table at the end.

--rounds        turns of each engine
--database-url  a PostgreSQL server whose user may make databases (default: one that is started here)`;

const defaults = { seconds: 30, rounds: 3, 'port-base': 28_080 };
const args = readArguments(usage, defaults, Object.keys(scenarios), ['database-url']);
const { seconds, rounds, 'port-base': portBase } = args?.values ?? defaults;
const databaseUrl = args?.texts['database-url'];
if (args) await measure(args.words);

async function measure(names: readonly string[]): Promise<void> {
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (names.length === 0 || names.includes(name)) await scenario();
  }
  printTable();
}

/** Start to ready, once installed. */
async function start(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    await using shop = await startChildShop(portBase, []);
    times.push(shop.startedIn);
  }
  const value = percentile(times, 0.5) / 1000;
  report({ name: 'start to ready', value, unit: 's', target: '<= 3', met: value <= 3 });
}

/** Whole orders per second, from placed to captured, with a bounded number of them under way. */
async function orders(): Promise<void> {
  for (const mode of [[], ['--processes']]) {
    await using shop = await startChildShop(portBase, ['--auto-dispatch', '0s', ...mode]);
    await shop.staff('inventory', 'POST', '/api/stock/TW-ROPE-10/receipts', STOCK);
    const load = new Load(shop.url('storefront'));
    const captured = (): Promise<number> => shop.metric('tradewind_events_total', CAPTURED, ['storefront']);
    await closedLoop(load, captured, 3);
    await shop.drained(30_000);
    const busy = await closedLoop(load, captured, seconds);
    const drain = performance.now();
    await shop.drained(60_000);
    const drainedIn = (performance.now() - drain) / 1000;
    await load.close();
    const name = `whole orders, ${mode.length > 0 ? 'processes' : 'one process'}`;
    const value = busy.done / busy.seconds;
    report({ name, value, unit: 'orders/s', target: '>= 200', met: value >= 200 });
    report({
      name: `${name}: ${busy.accepted.length - busy.done} under way at the end, drained in`,
      value: drainedIn,
      unit: 's',
      target: '< 5',
      met: drainedIn < 5,
    });
  }
}

/** From an order's acceptance to its parcel's preparation, at 50 orders per second. */
async function latency(): Promise<void> {
  await using shop = await startChildShop(portBase, ['--auto-dispatch', 'off']);
  await shop.staff('inventory', 'POST', '/api/stock/TW-ROPE-10/receipts', STOCK);
  const load = new Load(shop.url('storefront'));
  const accepted = await atRate(50, seconds, () => load.place());
  await shop.drained(30_000);
  const preparedAt = await preparationTimes(shop.staff);
  const waits = accepted.map(
    ({ id, acceptedAt }) => (preparedAt.get(id) ?? Number.POSITIVE_INFINITY) - acceptedAt,
  );
  await load.close();
  for (const share of [0.5, 0.99]) {
    const value = percentile(waits, share);
    const name = `accepted to prepared at 50 orders/s, p${share * 100}`;
    report({ name, value, unit: 'ms', target: '< 1000', met: value < 1000 });
  }
}

interface Page {
  readonly items: readonly { orderId: string; preparedAt: string }[];
  readonly next?: string;
}

async function preparationTimes(
  staff: (service: string, method: string, path: string) => Promise<Response>,
): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  let cursor = '';
  do {
    const page = (await (
      await staff('shipping', 'GET', `/api/shipments?state=prepared&limit=100${cursor}`)
    ).json()) as Page;
    for (const { orderId, preparedAt } of page.items) times.set(orderId, Date.parse(preparedAt));
    cursor = page.next === undefined ? '' : `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor);
  return times;
}

/** Resident memory of the one-process shop after 10,000 orders, and after 10,000 more. */
async function memory(): Promise<void> {
  await using shop = await startChildShop(portBase, ['--auto-dispatch', '0s']);
  await shop.staff('inventory', 'POST', '/api/stock/TW-ROPE-10/receipts', STOCK);
  const load = new Load(shop.url('storefront'));
  const sizes: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    await atRate(100, 100, () => load.place());
    await shop.drained(120_000);
    sizes.push((await shop.memory()) / 1024 / 1024);
  }
  await load.close();
  const [first = Number.NaN, second = Number.NaN] = sizes;
  report({ name: 'memory after 10,000 orders', value: first, unit: 'MB', target: '< 300', met: first < 300 });
  const growth = second - first;
  report({
    name: 'growth over the next 10,000',
    value: growth,
    unit: 'MB',
    target: '< 30',
    met: growth < 30,
  });
}
