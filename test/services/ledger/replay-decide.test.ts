import { describe, expect, it } from '@jest/globals';
import {
  advance,
  batchSize,
  judged,
  leftOf,
  nextLane,
  type Replay,
  type Result,
} from '../../../services/ledger/replay.ts';

const DAY_MS = 86_400_000;
const now = new Date('2026-01-31T12:00:10.000Z');
const startedAt = '2026-01-31T12:00:09.000Z';

function replay(changes: Partial<Replay> = {}): Replay {
  return {
    version: 1,
    id: 'r',
    selection: { of: 'events', select: { all: true }, until: startedAt },
    to: 'payment',
    rate: 50,
    by: 'Ada',
    reason: 'to see',
    createdAt: startedAt,
    nextAt: startedAt,
    state: 'running',
    after: 0,
    until: 100,
    total: 100,
    sent: 0,
    refused: 0,
    ahead: [],
    apart: [],
    waits: 0,
    ...changes,
  };
}

function result(seq: number, outcome: Exclude<Result['outcome'], 'skipped'>, at = startedAt): Result {
  const attempt = {
    at,
    eventId: `e${seq}`,
    eventType: 't',
    target: 'broker',
    code: outcome === 'sent' ? null : 500,
    answer: '',
    tookMs: 1,
  };
  return { seq, arrivals: 0, outcome, attempt };
}

/** Events of these numbers, all for the broker. */
function to(...seqs: readonly number[]) {
  return seqs.map((seq) => ({ seq, target: 'broker' }));
}

/** How attempts at the same event are judged, one after the other. */
function verdicts(answers: readonly ('answered' | 'absent')[]): string[] {
  let held = replay();
  return answers.map((outcome) => {
    const verdict = judged(held, result(1, outcome), DAY_MS);
    held = advance(held, { startedAt, picked: to(1), scanned: 1, results: [verdict] }, now);
    return verdict.outcome;
  });
}

describe('a batch of a replay', () => {
  it.each([
    [1, 1],
    [30, 30],
    [50, 50],
    [1000, 50],
  ])('at %i events per second has %i events', (rate, size) => {
    expect(batchSize(replay({ rate }), replay())).toBe(size);
  });

  it('is followed by the next one when its events have used up their time', () => {
    const results = [result(3, 'sent'), result(7, 'refused'), { seq: 9, outcome: 'skipped' } as const];
    const next = advance(replay({ rate: 2 }), { startedAt, picked: to(3, 7, 9), scanned: 9, results }, now);
    expect(next).toMatchObject({ state: 'running', after: 9, ahead: [], sent: 1, refused: 1 });
    expect(next.nextAt).toBe('2026-01-31T12:00:10.500Z');
    expect(leftOf(next)).toBe(98);
  });

  it('that finds nothing goes on where it stopped looking', () => {
    const next = advance(replay(), { startedAt, picked: [], scanned: 60, results: [] }, now);
    expect(next).toMatchObject({ state: 'running', after: 60, nextAt: startedAt });
  });

  it('is the last one at the cut-off, whatever others have settled', () => {
    const next = advance(replay(), { startedAt, picked: [], scanned: 100, results: [] }, now);
    expect([next.state, next.nextAt, leftOf(next)]).toEqual(['done', undefined, 0]);
  });

  it('that did not get to all of them leaves the rest to the next one', () => {
    const results = [result(2, 'sent'), result(4, 'sent')];
    const next = advance(replay(), { startedAt, picked: to(1, 2, 3, 4), scanned: 4, results }, now);
    expect(next).toMatchObject({ state: 'running', after: 0, ahead: [2, 4], sent: 2 });
  });

  it('stands before what failed, and remembers what went past it', () => {
    const results = [result(5, 'sent'), result(3, 'absent'), result(1, 'sent')];
    const next = advance(replay(), { startedAt, picked: to(1, 3, 5, 7), scanned: 7, results }, now);
    expect(next).toMatchObject({ state: 'waiting', after: 2, ahead: [5], sent: 2, obstacle: { seq: 3 } });
    expect(batchSize(next, next)).toBe(1);
    const mended = { startedAt, picked: to(3), scanned: 3, results: [result(3, 'sent')] };
    expect(advance(next, mended, now)).toMatchObject({
      state: 'running',
      after: 3,
      ahead: [5],
      sent: 3,
      obstacle: undefined,
    });
  });

  it('waits longer and longer, at most half a minute, and from the start after one that got on', () => {
    const failed = { startedAt, picked: to(1), scanned: 1, results: [result(1, 'absent')] };
    const waits: number[] = [];
    let held = replay();
    for (let tries = 0; tries < 2000; tries += 1) {
      held = advance(held, failed, now);
      waits.push(Date.parse(held.nextAt ?? '') - now.getTime());
    }
    expect(waits.slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(waits.at(-1)).toBe(30_000);
    const results = [result(1, 'sent'), result(2, 'absent')];
    const next = advance(held, { startedAt, picked: to(1, 2), scanned: 2, results }, now);
    expect(next.nextAt).toBe('2026-01-31T12:00:11.000Z');
  });

  it('takes the fifth failure in a row for a refusal, if each was an answer to the same event', () => {
    const four = Array.from({ length: 4 }, () => 'answered' as const);
    expect(verdicts([...four, 'answered'])).toEqual([...four, 'refused']);
    expect(verdicts([...four, 'absent', 'answered'])).toEqual([...four, 'absent', 'answered']);
    expect(verdicts(Array.from({ length: 9 }, () => 'absent'))).not.toContain('refused');
  });

  it('that was on its way when it was cancelled counts, and is the last one', () => {
    const batch = { startedAt, picked: to(1, 2), scanned: 2, results: [result(1, 'sent')] };
    const next = advance(replay({ state: 'cancelled' }), batch, now);
    expect([next.state, next.sent, next.nextAt, leftOf(next)]).toEqual(['cancelled', 1, undefined, 99]);
  });

  it('gives up a receiver that nothing was heard of for too long, and says so of each event', () => {
    const failed = { startedAt, picked: to(1), scanned: 1, results: [result(1, 'absent')] };
    const held = advance(replay(), failed, now);
    const late = (ms: number): Result =>
      result(1, 'absent', new Date(Date.parse(startedAt) + ms).toISOString());
    expect(judged(held, late(DAY_MS - 1), DAY_MS).outcome).toBe('absent');
    const given = advance(held, { ...failed, results: [judged(held, late(DAY_MS), DAY_MS)] }, now);
    expect(given).toMatchObject({ state: 'running', after: 1, refused: 1, awaySince: startedAt });
    const next = { startedAt, picked: to(2), scanned: 2, results: [result(2, 'sent')] };
    expect(advance(given, next, now).awaySince).toBeUndefined();
  });

  it('lets a receiver that fails wait alone, in a lane of its own', () => {
    const letters = { of: 'dead-letters', select: { all: true }, until: startedAt } as const;
    const picked = [1, 2, 3, 4].map((seq) => ({ seq, target: seq % 2 === 1 ? 'http://a' : 'http://b' }));
    const results = [result(1, 'absent'), result(2, 'sent'), result(4, 'sent')];
    const batch = { startedAt, picked, scanned: 4, results };
    const next = advance(replay({ selection: letters, to: 'subscriber' }), batch, now);
    expect(next).toMatchObject({ state: 'running', after: 4, sent: 2, nextAt: '2026-01-31T12:00:09.060Z' });
    expect(next.apart).toMatchObject([{ target: 'http://a', after: 0, ahead: [], obstacle: { seq: 1 } }]);
    expect(nextLane(next)?.target).toBeUndefined();
    const over = advance(next, { startedAt, picked: [], scanned: 100, results: [] }, now);
    expect([over.state, over.nextAt]).toEqual(['waiting', '2026-01-31T12:00:11.000Z']);
    expect(nextLane(over)?.target).toBe('http://a');
    const mended = [result(1, 'sent'), result(3, 'sent')];
    const last = { startedAt, target: 'http://a', picked, scanned: 100, results: mended };
    expect(advance(over, { ...last, picked: picked.filter(({ seq }) => seq % 2 === 1) }, now)).toMatchObject({
      state: 'done',
      sent: 4,
    });
  });

  it('keeps at most a hundred lanes; whoever fails beyond them holds up the shared one', () => {
    const letters = { of: 'dead-letters', select: { all: true }, until: startedAt } as const;
    const apart = Array.from({ length: 100 }, (_, n) => ({
      target: `http://${n}`,
      after: 0,
      ahead: [],
      waits: 0,
    }));
    const batch = {
      startedAt,
      picked: [{ seq: 1, target: 'http://a' }],
      scanned: 1,
      results: [result(1, 'absent')],
    };
    const next = advance(replay({ selection: letters, to: 'subscriber', apart }), batch, now);
    expect(next.apart).toHaveLength(100);
    expect(next).toMatchObject({ after: 0, obstacle: { seq: 1 } });
  });
});
