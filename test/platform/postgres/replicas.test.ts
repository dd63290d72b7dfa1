import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../../events/order.ts';
import { stockReserved } from '../../../events/stock.ts';
import { startService, type RunningService } from '../../../platform/runtime.ts';
import { task, type AnyServiceCard } from '../../../platform/service.ts';
import { readSettings } from '../../../platform/settings.ts';
import { enqueue, laneOf, LANES } from '../../../platform/store/outbox.ts';
import { addTask } from '../../../platform/store/tasks.ts';
import { inventory } from '../../../services/inventory/service.ts';
import { startChild } from '../../support/child.ts';
import { openTestData, type TestData } from '../../support/data.ts';
import { asked, exampleService, type Emits } from '../../support/example.ts';
import { deliver, STAFF_TOKEN } from '../../support/service.ts';
import { openSink, type Sink } from '../../support/sink.ts';
import { until } from '../../support/until.ts';

let data: TestData;
let sink: Sink;
const replicas: RunningService[] = [];
const env = (): Record<string, string> => ({
  PORT: '0',
  HOST: '127.0.0.1',
  STAFF_TOKEN,
  LOG_LEVEL: 'silent',
  K_SINK: sink.url,
  ...data.env,
});

async function start(card: AnyServiceCard, aheadMs = 0): Promise<RunningService> {
  const now = (): Date => new Date(Date.now() + aheadMs);
  const replica = await startService(card, readSettings(card, env()), { now });
  replicas.push(replica);
  return replica;
}

/** How many lanes each replica holds, fewest first. */
async function lanes({ store }: RunningService): Promise<number[]> {
  const rows = await store.read.all<{ count: number }>(
    'select count(*) as count from relay_lanes where replica is not null group by replica order by 1',
  );
  return rows.map(({ count }) => count);
}

async function untilLanes(replica: RunningService, ...expected: readonly number[]): Promise<void> {
  const shared = expected.join(' and ');
  await until(
    `lanes are shared out as ${shared}`,
    async () => (await lanes(replica)).join(' and ') === shared,
  );
}

beforeEach(async () => {
  data = await openTestData('replicas');
  sink = await openSink();
});
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.close()));
  await sink.close();
  await data.remove();
});

const told = (): string[] => sink.events.map((event) => String(event.data['name']));

const order = ({ store }: RunningService, names: readonly string[]): Promise<void> =>
  store.write(async (tx) => {
    for (const name of names)
      await addTask(tx, { kind: 'ask', key: name, payload: { name }, dueAt: new Date(0) }, {});
  });

describe('replicas that start together', () => {
  it('make the database once', async () => {
    const started = await Promise.all([1, 2, 3, 4].map(() => start(exampleService())));
    expect(started).toHaveLength(4);
  });
});

describe('the outbox of several replicas', () => {
  it('is shared out evenly, anew whenever one comes or goes', async () => {
    const first = await start(exampleService());
    await untilLanes(first, LANES);
    const second = await start(exampleService());
    await untilLanes(first, LANES / 2, LANES / 2);
    await second.close();
    await untilLanes(first, LANES);
  });

  it('is sent once, in order per key, whichever replica stored an event, and while they come and go', async () => {
    const first = await start(exampleService());
    const second = await start(exampleService());
    const keys = Array.from({ length: 24 }, (_, index) => `customer ${index}`);
    const perKey = 12;
    const sendAll = async (by: string): Promise<void> => {
      for (let nth = 0; nth < perKey; nth += 1) {
        const { url } = nth % 2 === 0 ? first : second;
        expect(await deliver(url, asked, { name: String(nth), by }, { id: `${by} ${nth}` })).toBe(204);
      }
    };
    await Promise.all([start(exampleService()), ...keys.map(sendAll)]);
    await until('everything was sent', () => first.idle());
    expect(sink.events).toHaveLength(keys.length * perKey);
    const byKey = Map.groupBy(sink.events, ({ data: { by } }) => by);
    const inOrder = Array.from({ length: perKey }, (_, nth) => String(nth));
    for (const by of keys) expect(byKey.get(by)?.map((event) => event.data['name'])).toEqual(inOrder);
  });

  it('leaves out no event that was numbered early and committed late', async () => {
    const { store } = await start(exampleService());
    const say = (name: string, key: string, gate?: Promise<void>): Promise<void> =>
      store.write(async (tx) => {
        await enqueue(tx, [{ partitionKey: key, event: JSON.stringify({ data: { name } }) }], new Date());
        await gate;
      });
    expect(laneOf('ada')).not.toBe(laneOf('bob'));
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const early = say('early', 'ada', gate);
    await until('it has its number', async () => {
      const row = await store.read.get(
        `select 1 as one from pg_locks where locktype = 'advisory' and objsubid = 2
           and database = (select oid from pg_database where datname = current_database())`,
      );
      return row !== undefined;
    });
    await say('late', 'bob');
    const behind = say('behind', 'ada');
    await until('what came later was sent', () => told().length === 1);
    open();
    await Promise.all([early, behind]);
    await until('everything was sent', () => told().length === 3);
    expect(told()).toEqual(['late', 'early', 'behind']);
  });

  it('changes hands only when nothing of a lane is under way', async () => {
    const first = await start(exampleService());
    const keys = Array.from({ length: 100 }, (_, index) => `customer ${index}`);
    const say = (to: RunningService, name: string): Promise<unknown> =>
      Promise.all(keys.map((by) => deliver(to.url, asked, { name, by }, { id: `${by} ${name}` })));
    sink.hold();
    await say(first, '1');
    await until('one event of each key is under way', () => sink.events.length === keys.length);
    const second = await start(exampleService());
    await say(second, '2');
    const leasedUntil = async (): Promise<number> => {
      const row = await first.store.read.get<{ at: number }>(
        'select extract(epoch from min(held_until)) as at from relay_lanes',
      );
      return row?.at ?? 0;
    };
    const before = await leasedUntil();
    await until('leases were made longer more than once', async () => (await leasedUntil()) > before + 1.5);
    expect(await lanes(first)).toEqual([LANES]);
    expect(sink.events).toHaveLength(keys.length);
    sink.letGo();
    await untilLanes(first, LANES / 2, LANES / 2);
    await until('everything was sent', () => first.idle());
    const byKey = Map.groupBy(sink.events, ({ data: { by } }) => by);
    for (const by of keys) expect(byKey.get(by)?.map((event) => event.data['name'])).toEqual(['1', '2']);
  });

  it('is sent on by the others when a replica is killed', async () => {
    const survivor = await start(inventory);
    const child = await startChild('run-inventory.ts', env());
    try {
      await untilLanes(survivor, LANES / 2, LANES / 2);
    } finally {
      await child.kill();
    }
    const orders = Array.from({ length: 60 }, (_, index) => `TW-${index}`);
    for (const orderId of orders) {
      const placed = { ...orderPlaced.example, orderId, customerId: `customer-${orderId}` };
      expect(await deliver(survivor.url, orderPlaced, placed)).toBe(204);
    }
    expect((await lanes(survivor)).length).toBe(2);
    await until('everything was sent', () => survivor.idle());
    const reserved = sink.ofType(stockReserved.type).map(({ subject }) => subject);
    expect(reserved.toSorted()).toEqual(orders.toSorted());
    expect(await lanes(survivor)).toEqual([LANES]);
  });
});

describe('the tasks of several replicas', () => {
  const calls: string[] = [];
  const asking = (lastsMs: number) =>
    exampleService({
      tasks: [
        task<{ name: string }, void, Emits, object>(
          'ask',
          async ({ name }) => {
            calls.push(name);
            await new Promise((resume) => setTimeout(resume, lastsMs));
          },
          async () => ({}),
        ),
      ],
    });
  beforeEach(() => {
    calls.length = 0;
  });

  it('are done once each, by whoever is there', async () => {
    const [first, second] = [await start(asking(2)), await start(asking(2))];
    const names = Array.from({ length: 300 }, (_, index) => String(index));
    await order(first, names);
    first.wake();
    second.wake();
    await until('all is done', () => first.idle());
    expect(calls.toSorted()).toEqual(names.toSorted());
  });

  it('are done by one alone however long they take, even when the clocks of two differ', async () => {
    const first = await start(asking(7000));
    await order(first, ['long']);
    first.wake();
    await until('it is at work', () => calls.length > 0);
    const second = await start(asking(7000), 5000);
    await until('it is done', () => second.idle());
    expect(calls).toEqual(['long']);
  });
});
