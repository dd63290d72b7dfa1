import { task, type Effects, type Scope, type TaskOrder } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import type { Deps } from './deps.ts';
import { closeLetter, recordAttempt } from './letters.ts';
import { advance, batchSize, isActive, judged, type Batch, type Replay, type Result } from './replay.ts';
import { send } from './replay-send.ts';
import { keepFailure, replays } from './replays.ts';
import { pick } from './selection.ts';

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
  if (!replay || !isActive(replay)) return undefined;
  const { picked, scanned } = await pick(deps.read, replay.selection, replay, batchSize(replay));
  const ahead = new Set(replay.ahead);
  const unsettled = picked.filter(({ seq }) => !ahead.has(seq));
  const results = await send(replay, unsettled, deps, now);
  return { startedAt: now.toISOString(), picked: picked.map(({ seq }) => seq), scanned, results };
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
  const results = batch.results.map((result) => judged(replay, result));
  const next = advance(replay, { ...batch, results }, now);
  await replays.save(tx, next);
  for (const result of results) await keep(tx, replay, result, now);
  return { tasks: nextBatch(next) };
}

async function keep(tx: Tx, { id, selection: { of } }: Replay, result: Result, now: Date): Promise<void> {
  if (result.outcome === 'skipped') return;
  const { seq, arrivals, outcome, attempt } = result;
  if (outcome === 'refused') await keepFailure(tx, id, seq, attempt);
  if (of === 'events') return;
  const { at, target, code, answer, tookMs } = attempt;
  await recordAttempt(tx, seq, { at, by: id, target, code, answer, tookMs });
  if (outcome === 'sent') await closeLetter(tx, { seq, arrivals }, 'replayed', now);
}
