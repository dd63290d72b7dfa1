import type { Reader, Tx } from '../../platform/store/store.ts';
import type { LetterEntry } from './letters.ts';

/** A letter that is delivered again by itself, as much as a lane keeps of it. */
export type WaitingLetter = Pick<LetterEntry, 'seq' | 'partitionKey' | 'cause' | 'nextAt' | 'size'>;

/** Letters that wait for one subscriber, above a number, in the order of arrival. */
export function waitingFor(
  reader: Reader,
  subscriber: string,
  after: number,
  limit: number,
): Promise<WaitingLetter[]> {
  return reader.all(
    `select seq, partition_key as "partitionKey", cause, next_at as "nextAt", size from dead_letters
     where state = 'waiting' and subscriber = $1 and seq > $2 order by seq limit $3`,
    subscriber,
    after,
    limit,
  );
}

/** Letters of all subscribers that wait and have a higher number than was given before, in order, at most `limit`. */
export function arrivedSince(
  reader: Reader,
  after: number,
  limit: number,
): Promise<Pick<LetterEntry, 'seq' | 'subscriber' | 'nextAt'>[]> {
  return reader.all(
    `select seq, subscriber, next_at as "nextAt" from dead_letters
     where state = 'waiting' and seq > $1 order by seq limit $2`,
    after,
    limit,
  );
}

/** The highest number given so far. */
export async function latestLetter(reader: Reader): Promise<number> {
  const row = await reader.get<{ seq: number | null }>('select max(seq) as seq from dead_letters');
  return row?.seq ?? 0;
}

/**
 * Whom letters wait for, in order, at most `limit`: from one entry of the index to the next, however many letters there
 * are.
 * @param after begins behind this one
 */
export async function waitingSubscribers(
  reader: Reader,
  after: string | undefined,
  limit: number,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const next = (condition: string, ...values: string[]): Promise<{ subscriber: string } | undefined> =>
    reader.get(
      `select subscriber from dead_letters where state = 'waiting' ${condition} order by subscriber limit 1`,
      ...values,
    );
  let last = after;
  while (found.size < limit) {
    const row = await (last === undefined ? next('') : next('and subscriber > $1', last));
    if (!row) break;
    found.add(row.subscriber);
    last = row.subscriber;
  }
  return found;
}

/** What a failed delivery makes of a letter. */
export interface Failure extends Pick<LetterEntry, 'nextAt' | 'failures'> {
  readonly state: 'waiting' | 'held';
  /** What is now known of the cause; without it, what was known before stands. */
  readonly blame?: Pick<LetterEntry, 'cause' | 'code' | 'answer'> | undefined;
}

/** Stores a failure. @returns false when the letter waits no more: somebody else has settled it */
export async function fail(tx: Tx, seq: number, failure: Failure): Promise<boolean> {
  const { state, nextAt, failures, blame } = failure;
  const changed = await tx.run(
    `update dead_letters set state = $2, next_at = $3, failures = $4, cause = coalesce($5, cause),
       code = coalesce($6, code), answer = coalesce($7, answer)
     where seq = $1 and state = 'waiting'`,
    seq,
    state,
    nextAt,
    failures,
    blame?.cause ?? null,
    blame?.code ?? null,
    blame?.answer ?? null,
  );
  return changed > 0;
}

/** Gives letters up that have waited since before an instant, at most `limit`. @returns how many */
export function giveUp(tx: Tx, before: Date, now: Date, limit: number): Promise<number> {
  return tx.run(
    `update dead_letters set state = 'held', given_up_at = $2, next_at = null where seq in
       (select seq from dead_letters where state = 'waiting' and died_at < $1 order by died_at limit $3)`,
    before.toISOString(),
    now.toISOString(),
    limit,
  );
}
