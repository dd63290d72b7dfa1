import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { orderPlaced } from '../events/order.ts';
import { toBinary } from '../platform/cloudevents.ts';
import { until } from '../test/support/until.ts';
import { startChildProgram, type ChildProgram } from './lib/child-program.ts';
import { report } from './lib/figures.ts';
import { percentile } from './lib/load.ts';
import { attributesOf, data, fillLedger, MILLION, PER_ORDER } from './lib/ledger-events.ts';
import { openNullReceiver } from './lib/null-receiver.ts';

const TOKEN = 'staff-token-of-the-bench';
const QUERIES = 500;

/** What the ledger costs the broker, and how it answers with a million events in store. */
export async function ledger(seconds: number, portBase: number): Promise<void> {
  const alone = await deliveryRate(seconds, portBase, false);
  report({
    name: 'broker to one subscriber, no ledger',
    value: alone.delivered,
    unit: 'events/s',
    target: '-',
    met: true,
  });
  const beside = await deliveryRate(seconds, portBase, true);
  report({
    name: 'the same beside a ledger',
    value: beside.delivered,
    unit: 'events/s',
    target: '-',
    met: true,
  });
  report({
    name: 'kept by the ledger meanwhile',
    value: beside.kept,
    unit: 'events/s',
    target: 'as delivered',
    met: beside.kept >= beside.delivered * 0.95,
  });
  await fullStore(seconds, portBase);
}

const trigger = (name: string, service: string, filter: string): string => `---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: ${name} }
spec:
  broker: shop
  filter: { attributes: { ${filter} } }
  subscriber: { ref: { apiVersion: v1, kind: Service, name: ${service} }, uri: /events }
`;

/** Events per second from a broker to a subscriber that only answers, with and without a ledger that keeps them all. */
async function deliveryRate(
  seconds: number,
  portBase: number,
  withLedger: boolean,
): Promise<{ delivered: number; kept: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'tradewind-bench-'));
  const manifests = join(folder, 'manifests');
  await mkdir(manifests);
  const broker = `apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: { name: shop }\n`;
  const all = trigger('receiver', 'receiver', `type: ${orderPlaced.type}`);
  const keep = withLedger ? trigger('ledger', 'ledger', 'dataclassification: internal') : '';
  await writeFile(join(manifests, 'all.yaml'), broker + all + keep);
  const [brokerPort, ledgerPort] = [portBase, portBase + 1];
  try {
    await using receiver = await openNullReceiver();
    await using keeper = await startLedger(ledgerPort, folder);
    await using broker = await startChildProgram('platform/broker/main.ts', [], brokerPort, {
      DATA_DIR: folder,
      MANIFESTS: manifests,
      SUBSCRIBERS: `receiver=${receiver.url},ledger=http://127.0.0.1:${ledgerPort}`,
    });
    const posted = await postFor(seconds, `${broker.url}/default/shop`);
    await until('everything is delivered', () => receiver.count() >= posted.count, 120_000);
    const delivered = posted.count / ((performance.now() - posted.since) / 1000);
    if (!withLedger) return { delivered, kept: 0 };
    await until('everything is kept', async () => (await kept(keeper)) >= posted.count, 120_000);
    return { delivered, kept: posted.count / ((performance.now() - posted.since) / 1000) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function kept(keeper: ChildProgram): Promise<number> {
  return keeper.metric('tradewind_ledger_kept_total');
}

function startLedger(port: number, folder: string, env: Record<string, string> = {}): Promise<ChildProgram> {
  return startChildProgram('services/main.ts', ['ledger'], port, {
    DATA_DIR: folder,
    STAFF_TOKEN: TOKEN,
    ...env,
  });
}

/** Posts as fast as answers come, sixty-four at once. */
async function postFor(seconds: number, url: string): Promise<{ count: number; since: number }> {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: 64 });
  const since = performance.now();
  let count = 0;
  const next = async (): Promise<void> => {
    while (performance.now() - since < seconds * 1000) {
      count += 1;
      await post(pool, pathname, count);
    }
  };
  await Promise.all(Array.from({ length: 64 }, next));
  await pool.close();
  return { count, since };
}

async function post(pool: Pool, path: string, number: number): Promise<void> {
  const { headers, body } = toBinary({
    attributes: { ...attributesOf(number) },
    data,
  });
  const answer = await pool.request({ method: 'POST', path, headers, body });
  await answer.body.dump();
  if (answer.statusCode >= 300) throw new Error(`an event was answered ${answer.statusCode}`);
}

/** Searches, trees, groups, memory and pruning with a million events and fifty thousand open dead letters. */
async function fullStore(seconds: number, portBase: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tradewind-bench-'));
  try {
    // Its first start makes the tables.
    await (await startLedger(portBase, folder))[Symbol.asyncDispose]();
    const bytes = fillLedger(join(folder, 'ledger', 'ledger.sqlite'));
    await measureReads(portBase, folder, bytes);
    await measurePruning(seconds, portBase, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureReads(port: number, folder: string, bytes: number): Promise<void> {
  await using keeper = await startLedger(port, folder, { ARCHIVE_MAX_BYTES: String(16 * 1024 ** 3) });
  // It sums up while events come, and has not seen these coming.
  await until(
    'their sizes are summed up',
    async () => (await keeper.metric('tradewind_ledger_store_bytes')) >= bytes,
    120_000,
  );
  const reads: Record<string, () => string> = {
    'search by order': () => `/api/events?correlation=${anyOrder()}`,
    'tree of an order': () => `/api/trees/${anyOrder()}`,
    'dead letters in groups': () => '/api/dead-letters/groups',
  };
  for (const [name, path] of Object.entries(reads)) {
    const times: number[] = [];
    for (let query = 0; query < QUERIES; query += 1) times.push(await timed(() => staff(keeper, path())));
    const value = percentile(times, 0.99);
    report({
      name: `${name} among 1,000,000 events, p99`,
      value,
      unit: 'ms',
      target: '< 50',
      met: value < 50,
    });
  }
  const value = (await keeper.memory()) / 1024 / 1024;
  report({
    name: 'memory of the ledger with 1,000,000 events',
    value,
    unit: 'MB',
    target: '< 200',
    met: value < 200,
  });
}

/** Half of the archive has to go while events keep coming: how long the slowest of them waits for its answer. */
async function measurePruning(seconds: number, port: number, folder: string): Promise<void> {
  await using keeper = await startLedger(port, folder, { ARCHIVE_MAX_BYTES: String(256 * 1024 ** 2) });
  const before = await keeper.metric('tradewind_ledger_store_bytes');
  const pool = new Pool(keeper.url, { connections: 8 });
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let number = 2 * MILLION; performance.now() < end; number += 1) {
    times.push(await timed(() => post(pool, '/events', number)));
    await new Promise((resume) => setTimeout(resume, 5));
  }
  await pool.close();
  const pruned = (before - (await keeper.metric('tradewind_ledger_store_bytes'))) / 1024 ** 2;
  report({ name: 'pruned meanwhile', value: pruned, unit: 'MB', target: '> 0', met: pruned > 0 });
  for (const [name, share] of Object.entries({ p50: 0.5, p99: 0.99, longest: 1 })) {
    const value = percentile(times, share);
    report({ name: `a write while pruning, ${name}`, value, unit: 'ms', target: '< 50', met: value < 50 });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function staff(keeper: ChildProgram, path: string): Promise<void> {
  const answer = await fetch(keeper.url + path, { headers: { authorization: `Bearer ${TOKEN}` } });
  if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
}

function anyOrder(): string {
  return `TW-BENCH-${Math.floor(Math.random() * (MILLION / PER_ORDER))}`;
}
