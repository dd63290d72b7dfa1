import { documents } from '../../platform/store/documents.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import type { Attempt, Replay } from './replay.ts';

/** An event that a replay could not bring. */
export interface ReplayFailure {
  readonly seq: number;
  readonly at: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly code: number | null;
  readonly answer: string;
}

export const replays = documents<Replay>('replays', 'id', ({ id }) => id, {
  state: ({ state }) => state,
  created_at: ({ createdAt }) => createdAt,
});

/** Replays, the newest first. @param before where the page before ended */
export function replayPage(
  reader: Reader,
  before: { readonly createdAt: string; readonly id: string } | undefined,
  limit: number,
): Promise<Replay[]> {
  const newest = 'order by created_at desc, id desc limit $1';
  if (!before) return replays.select(reader, `1 = 1 ${newest}`, limit);
  const older = '(created_at, id) < ($2, $3)';
  return replays.select(reader, `${older} ${newest}`, limit, before.createdAt, before.id);
}

/** Refusals that are kept of each replay; all are counted. */
export const MAX_FAILURES = 1000;

/** Keeps a refusal; one that a crash has repeated is the same. */
export async function keepFailure(tx: Tx, replay: string, seq: number, attempt: Attempt): Promise<void> {
  const { at, eventId, eventType, code, answer } = attempt;
  await tx.run(
    `insert into replay_failures (replay, seq, at, event_id, event_type, code, answer)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (replay, seq) do nothing`,
    replay,
    seq,
    at,
    eventId,
    eventType,
    code,
    answer,
  );
}

/** Refusals of a replay, in order. */
export function failuresOf(reader: Reader, replay: string, limit: number): Promise<ReplayFailure[]> {
  return reader.all(
    `select seq, at, event_id as "eventId", event_type as "eventType", code, answer
     from replay_failures where replay = $1 order by seq limit $2`,
    replay,
    limit,
  );
}
