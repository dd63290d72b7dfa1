import type { Versioned } from '../../platform/store/documents.ts';
import type { Act } from './audit.ts';
import type { Range, Selection } from './selection.ts';

/** A run that sends picked events again, batch by batch; what it knows survives a crash. */
export interface Replay extends Versioned, Act, Range {
  readonly id: string;
  readonly selection: Selection;
  /** `subscriber`: each dead letter to the one that failed; `broker`; or the name of a service. */
  readonly to: string;
  /** Events per second. */
  readonly rate: number;
  readonly createdAt: string;
  readonly state: 'running' | 'waiting' | 'done' | 'cancelled';
  /** How many were picked when it was ordered. */
  readonly total: number;
  readonly sent: number;
  readonly refused: number;
  /** What is settled although an earlier one is not; `after` stands before that one. */
  readonly ahead: readonly number[];
  /** Batches in a row that were held up; those after one that got on count anew. */
  readonly waits: number;
  /** What holds it up. */
  readonly obstacle?: Obstacle | undefined;
  readonly nextAt?: string | undefined;
}

interface Obstacle {
  readonly seq: number;
  readonly attempt: Attempt;
  /** How often in a row its receiver answered that it failed. */
  readonly answers: number;
}

/** What came of sending an event. */
export interface Attempt {
  readonly at: string;
  readonly eventId: string;
  readonly eventType: string;
  /** An address, or `broker`. */
  readonly target: string;
  readonly code: number | null;
  /** The beginning of the answer. */
  readonly answer: string;
  readonly tookMs: number;
}

/** What became of one event of a batch. */
export type Result =
  /** It is closed or gone meanwhile. */
  | { readonly seq: number; readonly outcome: 'skipped' }
  | (Tried & { readonly outcome: 'sent' | 'refused' })
  | Failed;

interface Tried {
  readonly seq: number;
  /** How often a dead letter had come when it was read: one that came again since has died again. */
  readonly arrivals: number;
  readonly attempt: Attempt;
}

/** It may pass. `answered`: the receiver is there, and says that it failed. */
interface Failed extends Tried {
  readonly outcome: 'answered' | 'absent';
}

/** What one run of the task has done. */
export interface Batch {
  readonly startedAt: string;
  /** All that was picked, what was settled before included, in order. */
  readonly picked: readonly number[];
  /** How far was looked for it. */
  readonly scanned: number;
  readonly results: readonly Result[];
}

/** Events in one batch: what a crash may repeat. */
const MAX_BATCH = 50;
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 30_000;
/** A receiver that is there and fails as often with the same event has refused it: others wait behind. */
const MAX_ANSWERS = 5;

/** How many events the next batch has: a second's worth at most, and one alone where it is held up. */
export function batchSize({ rate, obstacle }: Replay): number {
  return obstacle ? 1 : Math.min(rate, MAX_BATCH);
}

/** Whether there is something left to do. */
export function isActive({ state }: Replay): boolean {
  return state === 'running' || state === 'waiting';
}

/** How many are not settled; what the redriver or somebody else has settled meanwhile shows at the end only. */
export function leftOf({ state, total, sent, refused }: Replay): number {
  return state === 'done' ? 0 : Math.max(0, total - sent - refused);
}

/** A failure that came too often counts as a refusal. */
export function judged(replay: Replay, result: Result): Result {
  const { obstacle } = replay;
  return result.outcome === 'answered' && result.seq === obstacle?.seq && obstacle.answers >= MAX_ANSWERS - 1
    ? { ...result, outcome: 'refused' }
    : result;
}

/** What a batch, its results judged, leads to: progress, and when to go on. */
export function advance(replay: Replay, batch: Batch, now: Date): Replay {
  const progress = { ...replay, ...progressOf(replay, batch), nextAt: undefined };
  if (!isActive(replay)) return progress;
  const { obstacle, after, waits } = progress;
  if (obstacle) {
    const wait = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(waits - 1, 10));
    return { ...progress, state: 'waiting', nextAt: later(now, wait) };
  }
  if (after >= replay.until) return { ...progress, state: 'done' };
  const pause = (batch.results.length * 1000) / replay.rate;
  return { ...progress, state: 'running', nextAt: later(new Date(batch.startedAt), pause) };
}

function progressOf(replay: Replay, { picked, scanned, results }: Batch) {
  const failed = results.filter(isFailed).toSorted((a, b) => a.seq - b.seq)[0];
  const settled = results.filter((result) => !isFailed(result));
  const done = new Set([...replay.ahead, ...settled.map(({ seq }) => seq)]);
  const open = picked.find((seq) => !done.has(seq));
  const after = open === undefined ? scanned : open - 1;
  const count = (wanted: Result['outcome']): number =>
    settled.filter(({ outcome }) => outcome === wanted).length;
  return {
    after,
    ahead: [...done].filter((seq) => seq > after),
    sent: replay.sent + count('sent'),
    refused: replay.refused + count('refused'),
    waits: failed ? (settled.length === 0 ? replay.waits : 0) + 1 : 0,
    obstacle: failed && obstacleOf(replay, failed),
  };
}

function isFailed(result: Result): result is Failed {
  return result.outcome === 'answered' || result.outcome === 'absent';
}

function obstacleOf({ obstacle }: Replay, { seq, outcome, attempt }: Failed): Obstacle {
  const before = obstacle?.seq === seq ? obstacle.answers : 0;
  return { seq, attempt, answers: outcome === 'answered' ? before + 1 : 0 };
}

function later(from: Date, ms: number): string {
  return new Date(from.getTime() + ms).toISOString();
}
