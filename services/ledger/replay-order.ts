import { v7 as uuidv7 } from 'uuid';
import { problems } from '../../platform/errors.ts';
import type { Effects } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import { audit, type Act } from './audit.ts';
import { isActive, leftOf, type Replay } from './replay.ts';
import { nextBatch } from './replay-run.ts';
import { replays } from './replays.ts';
import { refuseNothing, type Extent, type Selection } from './selection.ts';

/** What somebody wants sent again. */
export interface Wish extends Act {
  readonly selection: Selection;
  readonly to: string;
  readonly rate: number;
}

/**
 * Stores a replay with its entry in the audit log and the order for its first batch.
 * @param extent what its selection has picked
 * @throws Problem 422 when that is nothing
 */
export async function startReplay(
  tx: Tx,
  wish: Wish,
  extent: Extent,
  now: Date,
): Promise<readonly [Replay, Effects<never>]> {
  refuseNothing(wish.selection, extent);
  const { selection, to, rate, by, reason } = wish;
  const at = now.toISOString();
  const replay: Replay = {
    version: 0,
    id: uuidv7(),
    selection,
    to,
    rate,
    by,
    reason,
    ...extent,
    createdAt: at,
    nextAt: at,
    state: 'running',
    sent: 0,
    refused: 0,
    ahead: [],
    apart: [],
    waits: 0,
  };
  await replays.save(tx, replay);
  const { of, select, until } = selection;
  const detail = { replay: replay.id, of, select, until, to, rate, total: extent.total };
  await audit(tx, wish, 'replay', detail, now);
  return [replay, { tasks: nextBatch(replay) }];
}

/**
 * Ends a replay; what is on its way still arrives and is counted. Cancelled before, it stays so.
 * @throws Problem 404, or 409 when it is done
 */
export async function cancelReplay(tx: Tx, id: string, act: Act, now: Date): Promise<Replay> {
  const replay = await replays.find(tx, id);
  if (!replay) throw problems.notFound(`there is no replay "${id}"`);
  if (replay.state === 'done') throw problems.conflict(`replay "${id}" is done: there is nothing to cancel`);
  if (!isActive(replay)) return replay;
  const cancelled: Replay = { ...replay, state: 'cancelled', nextAt: undefined };
  await replays.save(tx, cancelled);
  const { sent, refused } = cancelled;
  await audit(tx, act, 'cancel', { replay: id, sent, refused, left: leftOf(cancelled) }, now);
  return cancelled;
}
