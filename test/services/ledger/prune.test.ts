import { afterEach, describe, expect, it } from '@jest/globals';
import { replays } from '../../../services/ledger/replays.ts';
import { status } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { Archivist } from './archivist.ts';
import { openDesk } from './desk.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MIB = 1024 * 1024;

describe('the pruning of the archive', () => {
  let archivist: Archivist | undefined;
  afterEach(() => archivist?.[Symbol.asyncDispose]());

  const store = () => {
    if (!archivist) throw new Error('no ledger was opened');
    return archivist.service.service.store;
  };

  /** Fills the archive as if so many events had been kept, one a second, the last one just now. */
  async function fill(count: number, size: number): Promise<void> {
    const start = Date.now() - count * 1000;
    await store().write(async (tx) => {
      for (let n = 0; n < count; n += 1) {
        await tx.run(
          `insert into archive (id, source, type, kept_at, arrivals, size, attributes)
           values ($1, '/x', 'x', $2, 1, $3, '{}')`,
          `e${n}`,
          new Date(start + n * 1000).toISOString(),
          size,
        );
      }
    });
  }

  const kept = async () => {
    const row = await store().read.get<{ count: number; first: number; bytes: number }>(
      'select count(*) as count, min(seq) as first, sum(size) as bytes from archive',
    );
    return row ?? { count: 0, first: 0, bytes: 0 };
  };
  const chunks = () =>
    store().read.all<{ chunk: number; events: number; bytes: number }>(
      'select chunk, events, bytes from archive_chunks order by chunk',
    );
  const metric = async (name: string, label = ''): Promise<number> => {
    const lines = String((await archivist?.get('/metrics'))?.body).split('\n');
    const line = lines.find((each) => each.startsWith(`${name}{`) && each.includes(label));
    return Number(line?.split(' ').at(-1));
  };
  const gauge = (): Promise<number> => metric('tradewind_ledger_store_bytes');

  /** Lets the recurring task come round, until all it has to do is done. */
  const prune = async (ms = 10_000): Promise<void> => {
    await archivist?.service.advance(ms);
  };

  it('sums up sizes by the thousand once a thousand is complete, and the gauge knows the rest', async () => {
    archivist = await Archivist.open();
    await fill(3500, 10);
    expect(await gauge()).toBe(35_000);
    await prune();
    expect(await chunks()).toEqual([
      { chunk: 0, events: 999, bytes: 9990 },
      { chunk: 1, events: 1000, bytes: 10_000 },
    ]);
    expect(await gauge()).toBe(35_000);
    expect(await kept()).toMatchObject({ count: 3500 });
  });

  it('removes what is older than its time, to the event, and keeps the rest', async () => {
    archivist = await Archivist.open({ ARCHIVE_RETENTION: '1h' });
    await fill(5000, 10);
    await prune();
    const { count, first, bytes } = await kept();
    // One a second: an hour has 3,600, less what the clock was moved.
    expect(count).toBeGreaterThan(3580);
    expect(count).toBeLessThanOrEqual(3600);
    expect(first).toBe(5001 - count);
    expect(await gauge()).toBe(bytes);
    await prune(HOUR_MS);
    expect(await kept()).toMatchObject({ count: 0 });
    expect(await chunks()).toEqual([]);
    expect(await gauge()).toBe(0);
  });

  it('keeps a few old events no longer for there being so few', async () => {
    archivist = await Archivist.open({ ARCHIVE_RETENTION: '1d' });
    await archivist.keep({ id: 'old' });
    await prune(DAY_MS / 2);
    await archivist.keep({ id: 'young' });
    expect(await archivist.ids()).toEqual(['young', 'old']);
    await prune(DAY_MS / 2 + 1000);
    expect(await archivist.ids()).toEqual(['young']);
  });

  it('removes the oldest beyond the size, however young, and goes on as more comes', async () => {
    archivist = await Archivist.open({ ARCHIVE_MAX_BYTES: String(MIB) });
    await fill(5000, 500);
    await prune();
    const fitting = Math.floor(MIB / 500);
    expect(await kept()).toEqual({ count: fitting, first: 5001 - fitting, bytes: fitting * 500 });
    expect(await gauge()).toBe(fitting * 500);
    for (let n = 0; n < 3; n += 1) await archivist.keep({}, JSON.stringify('x'.repeat(100_000)));
    await prune();
    const { bytes } = await kept();
    expect(bytes).toBeLessThanOrEqual(MIB);
    expect(bytes).toBeGreaterThan(MIB - 1000);
    expect(await gauge()).toBe(bytes);
  });

  it.each([
    ['100 short events', 1100, Math.floor(MIB / 100), 1000, 100],
    ['four long events', 101, MIB, 100, 4],
  ])('removes %s at once, so that nobody waits long', async (_what, count, size, surplus, atOnce) => {
    archivist = await Archivist.open({ ARCHIVE_MAX_BYTES: String(MIB) });
    await fill(count, size);
    await prune();
    expect((await kept()).count).toBe(count - surplus);
    const runs = await metric('tradewind_task_runs_total', 'kind="prune-archive"');
    expect(runs).toBeGreaterThanOrEqual(surplus / atOnce);
  });

  it('never gives a number twice: who follows the stream misses nothing', async () => {
    archivist = await Archivist.open({ ARCHIVE_RETENTION: '1h' });
    await archivist.keep({ id: 'a' });
    await prune(2 * HOUR_MS);
    expect(await kept()).toMatchObject({ count: 0 });
    await archivist.keep({ id: 'b' });
    expect((await archivist.get('/api/events')).body.items).toMatchObject([{ id: 'b', seq: 2 }]);
  });
});

describe('the pruning of replays', () => {
  it('removes those that are over and past their time, with their failures; the audit log stays', async () => {
    await using desk = await openDesk({ DEAD_LETTER_RETENTION: '10d', REDRIVE_MAX_AGE: '90d' });
    const { read } = desk.service.service.store;
    const countOf = async (table: string) =>
      (await read.get<{ count: number }>(`select count(*) as count from ${table}`))?.count;
    desk.payment.answer = status(422);
    await desk.keep('one');
    const wish = { of: 'events', select: { all: true }, to: 'payment' };
    for (let n = 0; n < 7; n += 1) await desk.finish(await desk.replay(wish));
    desk.payment.answer = status(503);
    await desk.replay(wish);
    await until('it waits', () => desk.payment.got.length > 7);
    expect([await countOf('replays'), await countOf('replay_failures')]).toEqual([8, 7]);
    await desk.service.advance(9 * DAY_MS);
    expect(await countOf('replays')).toBe(8);
    await desk.service.advance(2 * DAY_MS);
    await until('all are gone but the one that still waits', async () => (await countOf('replays')) === 1);
    expect([await countOf('replay_failures'), await countOf('audit')]).toEqual([0, 8]);
  });

  it.each([
    [998, 2],
    [999, 1],
    [1000, 0],
  ])('keeps of two further failures after %i only %i', async (refused, listed) => {
    await using desk = await openDesk();
    const { store } = desk.service.service;
    for (const id of ['a', 'b']) await desk.keep(id);
    desk.payment.answer = status(503);
    const id = await desk.replay({ of: 'events', select: { all: true }, to: 'payment' });
    const replay = async () => (await desk.staff('GET', `/api/replays/${id}`)).body;
    await until('it waits', async () => (await replay()).state === 'waiting');
    await store.write(async (tx) => {
      const found = await replays.find(tx, id);
      if (found) await replays.save(tx, { ...found, refused });
    });
    desk.payment.answer = status(422);
    const over = await desk.finish(id);
    expect([over.refused, over.failures.length]).toEqual([refused + 2, listed]);
  });
});
