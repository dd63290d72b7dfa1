import { describe, expect, it } from '@jest/globals';
import { pumpOn, rows } from '../support/pump.ts';
import { until } from '../support/until.ts';

describe('the memory of a pump, and its end', () => {
  it('is not stopped by many rows that wait', async () => {
    const stored = rows(120, 120);
    const { pump, done } = pumpOn(stored, { work: async (row) => (row.seq <= 100 ? 60_000 : 'done') });
    pump.wake();
    await until('the rest is done', () => stored.length === 100);
    expect(done.filter((seq) => seq > 100)).toHaveLength(20);
    await pump.stop(1000);
  });

  it('reads no more than may wait, and the rest as soon as there is room', async () => {
    const stored = rows(500, 500);
    let away = true;
    const { pump } = pumpOn(stored, { maxWaiting: () => 10, work: async () => (away ? 60_000 : 'done') });
    pump.wake();
    await until('as many wait as may', () => pump.held >= 10);
    pump.rewind();
    // A read that it should not make would be over by then.
    await new Promise((resume) => setImmediate(resume));
    expect(pump.held).toBeLessThanOrEqual(30);
    away = false;
    pump.goOn();
    await until('all is done', () => stored.length === 0);
    await pump.stop(1000);
  });

  it('reads on behind as many that wait as may', async () => {
    const stored = rows(1000, 1000);
    const { pump } = pumpOn(stored, {
      maxWaiting: () => 1000,
      work: async (row) => (row.seq <= 900 ? 60_000 : 'done'),
    });
    pump.wake();
    await until('the rest is done', () => stored.length === 900);
    await pump.stop(1000);
  });

  it('does not wait for a store that does not answer, when it is stopped', async () => {
    const { pump } = pumpOn([], { fetch: () => new Promise(() => undefined) });
    pump.wake();
    const start = performance.now();
    await pump.stop(50);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('starts nothing after it was stopped, and finishes what it had begun', async () => {
    const stored = rows(30, 30);
    const finish: (() => void)[] = [];
    const { pump, done } = pumpOn(stored, {
      work: () => new Promise((resolve) => finish.push(() => resolve('done'))),
    });
    pump.wake();
    await until('eight are at work', () => finish.length === 8);
    const stopped = pump.stop(1000);
    for (const end of finish) end();
    await stopped;
    expect(done).toHaveLength(8);
    expect(stored).toHaveLength(22);
  });
});
