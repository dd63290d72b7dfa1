import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { pumpOn, rows, type Row } from '../support/pump.ts';
import { until } from '../support/until.ts';

describe('the pump', () => {
  it('drains a backlog far larger than what it holds in memory', async () => {
    const stored = rows(500, 50);
    const { pump, done } = pumpOn(stored);
    pump.wake();
    await until('all is done', () => stored.length === 0);
    expect(done).toHaveLength(500);
    await pump.stop(1000);
  });

  it('keeps the order of each key, whatever the work takes and however often it fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 40 }), async (failures) => {
        const stored = rows(failures.length, 3);
        const left = new Map(stored.map((row, index) => [row.seq, failures[index] ?? 0]));
        const finished: Row[] = [];
        const { pump } = pumpOn(stored, {
          work: async (row) => {
            await new Promise((resume) => setImmediate(resume));
            const more = left.get(row.seq) ?? 0;
            left.set(row.seq, more - 1);
            if (more > 0) return 0;
            finished.push(row);
            return 'done';
          },
        });
        pump.wake();
        await until('all is done', () => stored.length === 0);
        await pump.stop(1000);
        for (const key of ['k0', 'k1', 'k2']) {
          const seqs = finished.filter((row) => row.key === key).map((row) => row.seq);
          expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
        }
        expect(finished).toHaveLength(failures.length);
      }),
      { numRuns: 30 },
    );
  });

  it('works no more rows at once than it may, and only one per key', async () => {
    const stored = rows(60, 60);
    const { pump, most } = pumpOn(stored, {
      work: () => new Promise((resolve) => setImmediate(() => resolve('done'))),
    });
    pump.wake();
    await until('all is done', () => stored.length === 0);
    expect(most()).toBe(8);
    await pump.stop(1000);
  });

  it('holds up a failing key alone', async () => {
    const stored = rows(20, 2);
    const { pump, done } = pumpOn(stored, { work: async (row) => (row.key === 'k0' ? 60_000 : 'done') });
    pump.wake();
    await until('the other key is done', () => stored.every((row) => row.key === 'k0'));
    expect(done.filter((seq) => seq % 2 === 1)).toEqual([1]);
    await pump.stop(1000);
  });

  it('works what waits at once when it is told to go on', async () => {
    const stored = rows(3, 3);
    let away = true;
    const { pump } = pumpOn(stored, { work: async () => (away ? 60_000 : 'done') });
    pump.wake();
    await until('all wait', () => pump.held === 3);
    away = false;
    pump.goOn();
    await until('all is done', () => stored.length === 0);
    await pump.stop(1000);
  });

  it('tries what waits out of turn: a different row each time, only the first of a key', async () => {
    const stored = rows(6, 3);
    const { pump, done } = pumpOn(stored, { work: async () => 60_000 });
    pump.wake();
    await until('the first of each key wait', () => done.length === 3);
    const tried: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      await pump.tryOne(async (row) => {
        tried.push(row.seq);
        return false;
      });
    }
    expect(tried).toEqual([1, 2, 3, 1]);
    await pump.tryOne(async () => true);
    expect(stored.map(({ seq }) => seq)).toEqual([1, 3, 4, 5, 6]);
    await until('the next of its key had its turn', () => done.includes(5));
    await pump.stop(1000);
  });

  it('lets a row that was tried out of turn wait no longer than without', async () => {
    const stored = rows(1);
    let attempts = 0;
    const { pump } = pumpOn(stored, { work: async () => (attempts++ === 0 ? 300 : 'done') });
    const before = performance.now();
    pump.wake();
    await until('it waits', () => attempts === 1);
    while (stored.length > 0 && performance.now() - before < 2000) {
      await pump.tryOne(async () => false);
      await new Promise((resume) => setTimeout(resume, 20));
    }
    expect(performance.now() - before).toBeGreaterThan(250);
    expect(stored).toEqual([]);
    await pump.stop(1000);
  });

  it('tries nothing where nothing waits', async () => {
    const { pump } = pumpOn([]);
    let tried = false;
    await pump.tryOne(async () => (tried = true));
    expect(tried).toBe(false);
  });

  it('settles again what could not be settled, without working it again', async () => {
    const stored = rows(5, 5);
    let broken = true;
    const { pump, done } = pumpOn(stored, {
      settle: async (settled) => {
        if (broken) {
          broken = false;
          throw new Error('the database is away');
        }
        for (const row of settled) stored.splice(stored.indexOf(row), 1);
      },
    });
    pump.wake();
    await until('all is settled', () => stored.length === 0);
    expect(done.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    await pump.stop(1000);
  });

  it('finds rows that came back into the queue below what it had read', async () => {
    const stored = rows(3, 3);
    const { pump, done } = pumpOn(stored);
    pump.wake();
    await until('all is done', () => stored.length === 0);
    stored.push({ seq: 2, key: 'k1' });
    pump.rewind();
    await until('it is done again', () => stored.length === 0);
    expect(done.filter((seq) => seq === 2)).toHaveLength(2);
    await pump.stop(1000);
  });

  it('does not lose a rewind that comes while it reads', async () => {
    const stored = rows(3, 3);
    let release: (() => void) | undefined;
    let slow = false;
    const { pump, done } = pumpOn(stored, {
      fetch: async (after, limit) => {
        const found = stored.filter((row) => row.seq > after).slice(0, limit);
        if (slow) await new Promise<void>((resume) => (release = resume));
        return found;
      },
    });
    pump.wake();
    await until('all is done', () => stored.length === 0);
    slow = true;
    stored.push({ seq: 4, key: 'k0' });
    pump.wake();
    await until('it reads', () => release !== undefined);
    stored.unshift({ seq: 1, key: 'k0' });
    pump.rewind();
    slow = false;
    release?.();
    await until('the row that came back is done again', () => done.filter((seq) => seq === 1).length === 2);
    await pump.stop(1000);
  });

  it('works nothing again that was removed while an older look at the store was on its way', async () => {
    const stored = rows(3);
    const looks: PromiseWithResolvers<void>[] = [];
    const removal = Promise.withResolvers<void>();
    const { pump, done } = pumpOn(stored, {
      fetch: async (after) => {
        const seen = stored.filter((row) => row.seq > after);
        const look = Promise.withResolvers<void>();
        looks.push(look);
        await look.promise;
        return seen;
      },
      settle: async (settled) => {
        await removal.promise;
        for (const row of settled) stored.splice(stored.indexOf(row), 1);
      },
    });
    pump.wake();
    looks[0]?.resolve();
    await until('all are worked', () => done.length === 3);
    pump.rewind();
    await until('it looks again', () => looks.length === 2);
    removal.resolve();
    await until('all are removed, and nothing is held', () => stored.length === 0 && pump.held === 0);
    looks[1]?.resolve();
    stored.push({ seq: 4, key: 'k0' });
    pump.wake();
    await until('it looks once more', () => looks.length === 3);
    looks[2]?.resolve();
    await until('the new one is removed', () => stored.length === 0);
    expect(done).toEqual([1, 2, 3, 4]);
    await pump.stop(1000);
  });

  it('lets go of rows that are no longer its own, and takes them again, in order, when they are', async () => {
    const stored = rows(4, 2);
    let others: string | undefined = 'k0';
    const lost: number[] = [];
    const worked: number[] = [];
    const { pump } = pumpOn(stored, {
      fetch: async (after, limit) =>
        stored.filter(({ seq, key }) => seq > after && (key !== others || lost.length === 0)).slice(0, limit),
      work: async ({ seq, key }) => {
        (key === others ? lost : worked).push(seq);
        return key === others ? 'lost' : 'done';
      },
    });
    pump.wake();
    await until('it holds nothing any more', () => stored.length === 2 && pump.held === 0);
    expect(lost).toEqual([1, 3]);
    others = undefined;
    pump.rewind();
    await until('all is done', () => stored.length === 0);
    expect(worked).toEqual([2, 4, 1, 3]);
    await pump.stop(1000);
  });

  it('passes a jam of one key, and keeps that key’s order when it dissolves', async () => {
    const jam = Array.from({ length: 300 }, (_, index) => ({ seq: index + 1, key: 'jam' }));
    const free = Array.from({ length: 50 }, (_, index) => ({ seq: index + 301, key: `free${index}` }));
    const stored = [...jam, ...free];
    let jammed = true;
    const finished: Row[] = [];
    const { pump } = pumpOn(stored, {
      maxBuffered: 100,
      work: async (row) => {
        if (row.key === 'jam' && jammed) return 20;
        finished.push(row);
        return 'done';
      },
    });
    pump.wake();
    await until('the others are through', () => finished.length === 50);
    jammed = false;
    await until('all is done', () => stored.length === 0);
    const seqs = finished.filter(({ key }) => key === 'jam').map(({ seq }) => seq);
    expect(seqs).toEqual(jam.map(({ seq }) => seq));
    await pump.stop(1000);
  });
});
