import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Pump, type PumpOptions } from '../../platform/pump.ts';
import { until } from '../support/until.ts';

interface Row {
  readonly seq: number;
  readonly key: string;
}

function rows(count: number, keys = 1): Row[] {
  return Array.from({ length: count }, (_, index) => ({ seq: index + 1, key: `k${index % keys}` }));
}

/** A queue in memory with a pump on it, and what the pump did. */
function pumpOn(stored: Row[], options: Partial<PumpOptions<Row>> = {}) {
  const done: number[] = [];
  let atWork = 0;
  let most = 0;
  let fetches = 0;
  const pump = new Pump<Row>({
    fetch: async (after, limit) => {
      fetches += 1;
      return stored.filter((row) => row.seq > after).slice(0, limit);
    },
    seq: (row) => row.seq,
    key: (row) => row.key,
    work: async (row) => {
      done.push(row.seq);
      return 'done';
    },
    settle: async (settled) => {
      for (const row of settled) stored.splice(stored.indexOf(row), 1);
    },
    maxInFlight: 8,
    maxBuffered: 20,
    onError: () => undefined,
    ...options,
    ...(options.work
      ? {
          work: async (row: Row) => {
            atWork += 1;
            most = Math.max(most, atWork);
            const outcome = await options.work?.(row);
            atWork -= 1;
            done.push(row.seq);
            return outcome ?? 'done';
          },
        }
      : {}),
  });
  return { pump, done, most: () => most, fetches: () => fetches };
}

describe('the pump', () => {
  it('drains a backlog far larger than what it holds in memory', async () => {
    const stored = rows(500, 50);
    const { pump, done } = pumpOn(stored);
    pump.wake();
    await until('all is done', () => stored.length === 0);
    expect(done).toHaveLength(500);
    await pump.stop();
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
        await pump.stop();
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
    await pump.stop();
  });

  it('holds up a failing key alone', async () => {
    const stored = rows(20, 2);
    const { pump, done } = pumpOn(stored, { work: async (row) => (row.key === 'k0' ? 60_000 : 'done') });
    pump.wake();
    await until('the other key is done', () => stored.every((row) => row.key === 'k0'));
    expect(done.filter((seq) => seq % 2 === 1)).toEqual([1]);
    await pump.stop();
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
    await pump.stop();
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
    await pump.stop();
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
    await pump.stop();
  });

  it('starts nothing after it was stopped, and finishes what it had begun', async () => {
    const stored = rows(30, 30);
    const finish: (() => void)[] = [];
    const { pump, done } = pumpOn(stored, {
      work: () => new Promise((resolve) => finish.push(() => resolve('done'))),
    });
    pump.wake();
    await until('eight are at work', () => finish.length === 8);
    const stopped = pump.stop();
    for (const end of finish) end();
    await stopped;
    expect(done).toHaveLength(8);
    expect(stored).toHaveLength(22);
  });
});
