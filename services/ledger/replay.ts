import type { Versioned } from '../../platform/store/documents.ts';
import type { Act } from './audit.ts';
import type { Range, Selection } from './selection.ts';

/** A run that sends picked events again, batch by batch; what it knows survives a crash. */
export interface Replay extends Versioned, Act, Range, Lane {
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
  /** Receivers that have failed: each has a lane of its own from then on, and holds up nobody else. */
  readonly apart: readonly (Lane & { readonly target: string })[];
  /** When the next batch is due, of whichever lane. */
  readonly nextAt?: string | undefined;
}

/** How far a replay has come, with one receiver or with all that have not failed. */
export interface Lane {
  readonly after: number;
  /** What is settled although an earlier one is not; `after` stands before that one. */
  readonly ahead: readonly number[];
  /** Batches in a row that were held up; those after one that got on count anew. */
  readonly waits: number;
  /** What holds it up. */
  readonly obstacle?: Obstacle | undefined;
  /** Since when nothing was heard of its receiver. */
  readonly awaySince?: string | undefined;
  readonly dueAt?: string | undefined;
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
  /** `abandoned`: its receiver was away for too long; it counts as refused. */
  | (Tried & { readonly outcome: 'sent' | 'refused' | 'abandoned' })
  | Failed;

interface Tried {
  readonly seq: number;
  /** How often a dead letter had come when it was read: one that came again since has died again. */
  readonly arrivals: number;
  readonly attempt: Attempt;
  /** Its answer is kept with the letter only, where it is erased with the data that it may repeat. */
  readonly isRedacted?: boolean;
}

/** It may pass. `answered`: the receiver is there, and says that it failed. */
interface Failed extends Tried {
  readonly outcome: 'answered' | 'absent';
}

/** What one run of the task has done. */
export interface Batch {
  readonly startedAt: string;
  /** Whose lane it was of; `undefined`: of all that have not failed. */
  readonly target?: string | undefined;
  /** All that was picked, what was settled before included, in order. */
  readonly picked: readonly { readonly seq: number; readonly target: string }[];
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
/** Receivers with a lane of their own. Whoever posts dead letters names receivers: beyond these they share a lane. */
const MAX_APART = 100;

/** How many events the next batch has: a second's worth at most, and one alone where it is held up. */
export function batchSize({ rate }: Replay, { obstacle }: Lane): number {
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

/** The lane that has waited longest; `undefined` when all have come to the end. */
export function nextLane(replay: Replay): (Lane & { readonly target?: string }) | undefined {
  return unfinished(replay).toSorted((a, b) => dueOf(a) - dueOf(b))[0];
}

/** What holds a replay up, wherever that is. */
export function obstacleIn(replay: Replay): Obstacle | undefined {
  return lanesOf(replay).find(({ obstacle }) => obstacle)?.obstacle;
}

/** A failure that came too often counts as a refusal, and so does one whose receiver is away for too long. */
export function judged({ obstacle, awaySince }: Lane, result: Result, maxAwayMs: number): Result {
  if (result.outcome === 'answered' && result.seq === obstacle?.seq && obstacle.answers >= MAX_ANSWERS - 1) {
    return { ...result, outcome: 'refused' };
  }
  const isLong =
    awaySince !== undefined &&
    result.outcome === 'absent' &&
    Date.parse(result.attempt.at) - Date.parse(awaySince) >= maxAwayMs;
  return isLong ? { ...result, outcome: 'abandoned' } : result;
}

/** Whether a result is listed as a failure. */
export function isRefusal(result: Result): result is Tried & { readonly outcome: 'refused' | 'abandoned' } {
  return result.outcome === 'refused' || result.outcome === 'abandoned';
}

/** What a batch, its results judged, leads to: progress, and when to go on. */
export function advance(replay: Replay, batch: Batch, now: Date): Replay {
  const { results } = batch;
  const progress: Replay = {
    ...replay,
    ...lanesAfter(replay, batch, now),
    sent: replay.sent + results.filter(({ outcome }) => outcome === 'sent').length,
    refused: replay.refused + results.filter(isRefusal).length,
    nextAt: undefined,
  };
  if (!isActive(replay)) return progress;
  const left = unfinished(progress);
  if (left.length === 0) return { ...progress, state: 'done' };
  const pause = Date.parse(batch.startedAt) + (results.length * 1000) / replay.rate;
  const due = Math.max(pause, Math.min(...left.map(dueOf)));
  const state = left.every(({ obstacle }) => obstacle) ? 'waiting' : 'running';
  return { ...progress, state, nextAt: new Date(due).toISOString() };
}

/** Who fails gets a lane apart, where there are others that need not wait. */
function lanesAfter(replay: Replay, batch: Batch, now: Date): Partial<Replay> {
  const { apart } = replay;
  if (batch.target !== undefined) {
    return { apart: apart.map((lane) => (lane.target === batch.target ? moved(lane, batch, now) : lane)) };
  }
  const failed = new Set(batch.results.filter(isFailed).map(({ seq }) => seq));
  const away = new Set(batch.picked.filter(({ seq }) => failed.has(seq)).map(({ target }) => target));
  const own = hasManyReceivers(replay) ? [...away].slice(0, MAX_APART - apart.length) : [];
  const lane = sharedLane(replay);
  const fresh = own.map((target) => ({
    target,
    ...moved(
      lane,
      only(batch, (each) => each === target),
      now,
    ),
  }));
  const rest = only(batch, (each) => !own.includes(each));
  return { ...moved(lane, rest, now), apart: [...apart, ...fresh] };
}

function hasManyReceivers({ selection, to }: Replay): boolean {
  return selection.of === 'dead-letters' && to === 'subscriber';
}

function only(batch: Batch, isWanted: (target: string) => boolean): Batch {
  const picked = batch.picked.filter(({ target }) => isWanted(target));
  const seqs = new Set(picked.map(({ seq }) => seq));
  return { ...batch, picked, results: batch.results.filter(({ seq }) => seqs.has(seq)) };
}

function moved<L extends Lane>(lane: L, { startedAt, picked, scanned, results }: Batch, now: Date): L {
  const failed = results.filter(isFailed).toSorted((a, b) => a.seq - b.seq)[0];
  const settled = results.filter((result) => !isFailed(result));
  const done = new Set([...lane.ahead, ...settled.map(({ seq }) => seq)]);
  const open = picked.find(({ seq }) => !done.has(seq));
  const after = open === undefined ? scanned : open.seq - 1;
  const waits = failed ? (settled.length === 0 ? lane.waits : 0) + 1 : 0;
  const wait = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(waits - 1, 10));
  return {
    ...lane,
    after,
    ahead: [...done].filter((seq) => seq > after),
    waits,
    obstacle: failed && obstacleOf(lane, failed),
    awaySince: results.some(isHeard) ? undefined : (lane.awaySince ?? failed?.attempt.at),
    dueAt: failed ? new Date(now.getTime() + wait).toISOString() : startedAt,
  };
}

function isHeard({ outcome }: Result): boolean {
  return outcome === 'sent' || outcome === 'refused' || outcome === 'answered';
}

function sharedLane({ after, ahead, waits, obstacle, awaySince, dueAt }: Replay): Lane {
  return { after, ahead, waits, obstacle, awaySince, dueAt };
}

function lanesOf(replay: Replay): readonly (Lane & { readonly target?: string })[] {
  return [sharedLane(replay), ...replay.apart];
}

function unfinished(replay: Replay): readonly (Lane & { readonly target?: string })[] {
  return lanesOf(replay).filter(({ after }) => after < replay.until);
}

function dueOf({ dueAt }: Lane): number {
  return dueAt === undefined ? 0 : Date.parse(dueAt);
}

function isFailed(result: Result): result is Failed {
  return result.outcome === 'answered' || result.outcome === 'absent';
}

/** An attempt as the replay itself may keep it. */
export function redacted({ attempt, isRedacted = false }: Tried): Attempt {
  return isRedacted ? { ...attempt, answer: '' } : attempt;
}

function obstacleOf({ obstacle }: Lane, failed: Failed): Obstacle {
  const { seq, outcome } = failed;
  const before = obstacle?.seq === seq ? obstacle.answers : 0;
  return { seq, attempt: redacted(failed), answers: outcome === 'answered' ? before + 1 : 0 };
}
