import { task, type Effects, type Scope, type TaskOrder } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import type { Deps } from './deps.ts';
import { closeLetter, recordAttempt } from './letters.ts';
import {
  advance,
  batchSize,
  isActive,
  isRefusal,
  nextLane,
  redacted,
  type Batch,
  type Replay,
  type Result,
} from './replay.ts';
import { addressed, send } from './replay-send.ts';
import { keepFailure, MAX_FAILURES, replays } from './replays.ts';
import { pick, type Selection } from './selection.ts';

interface Order {
  readonly id: string;
}

/** Sends one batch of a replay; its progress is stored together with the order for the next one. */
export const replaying = task('replay', perform, settle);

/** The order for the next batch of a replay, if there is to be one. */
export function nextBatch({ id, nextAt }: Replay): TaskOrder[] {
  return nextAt === undefined ? [] : [{ kind: 'replay', key: id, payload: { id }, dueAt: new Date(nextAt) }];
}

async function perform({ id }: Order, { now, deps }: Scope<Deps>): Promise<Batch | undefined> {
  const replay = await replays.find(deps.read, id);
  const lane = replay && isActive(replay) ? nextLane(replay) : undefined;
  if (!replay || !lane) return undefined;
  const { target, after } = lane;
  const range = { after, until: replay.until };
  const found = await pick(deps.read, only(replay.selection, target), range, batchSize(replay, lane));
  const apart = new Set(replay.apart.map((each) => each.target));
  const picked = found.picked
    .map((each) => addressed(replay, each, deps))
    .filter((each) => (target === undefined ? !apart.has(each.target) : each.target === target));
  const ahead = new Set(lane.ahead);
  const unsettled = picked.filter(({ seq }) => !ahead.has(seq));
  const results = await send(replay, lane, unsettled, deps, now);
  return { startedAt: now.toISOString(), target, picked, scanned: found.scanned, results };
}

/** Narrowed to one receiver, as far as a condition can say it. */
function only(selection: Selection, target: string | undefined): Selection {
  if (selection.of === 'events' || target === undefined || target === 'broker') return selection;
  return { ...selection, select: { ...selection.select, subscriber: target } };
}

/** A letter that is settled by others at the same time is closed once, by whoever comes first. */
async function settle(
  tx: Tx,
  { id }: Order,
  batch: Batch | undefined,
  { now }: Scope<Deps>,
): Promise<Effects<never>> {
  const replay = batch && (await replays.find(tx, id));
  if (!replay) return {};
  const next = advance(replay, batch, now);
  await replays.save(tx, next);
  const room = Math.max(0, MAX_FAILURES - replay.refused);
  for (const refusal of batch.results.filter(isRefusal).slice(0, room)) {
    await keepFailure(tx, id, refusal.seq, redacted(refusal));
  }
  for (const result of batch.results) await keep(tx, replay, result, now);
  return { tasks: nextBatch(next) };
}

async function keep(tx: Tx, { id, selection: { of } }: Replay, result: Result, now: Date): Promise<void> {
  if (result.outcome === 'skipped') return;
  const { seq, arrivals, outcome, attempt } = result;
  if (of === 'events') return;
  const { at, target, code, answer, tookMs } = attempt;
  await recordAttempt(tx, seq, { at, by: id, target, code, answer, tookMs });
  if (outcome === 'sent') await closeLetter(tx, { seq, arrivals }, 'replayed', now);
}
