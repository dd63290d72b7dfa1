import { createHash } from 'node:crypto';
import { problems } from '../../platform/errors.ts';
import type { Tx } from '../../platform/store/store.ts';

/** A request that may come again under the same key. */
export interface Keyed {
  readonly key: string;
  readonly requestHash: string;
}

const PRUNE_BATCH = 5000;

const field = 'idempotency-key';

/** A key that nobody else comes upon by chance, as a UUID is one. */
const UNGUESSABLE = 16;

/** Reads the `Idempotency-Key` of a request; the hash tells the same request from another one. */
export function keyOf(header: string | undefined, body: unknown): Keyed | undefined {
  if (header === undefined) return undefined;
  if (!/^[\u0021-\u007e]{1,255}$/.test(header)) {
    const message = 'must have 1 to 255 printable ASCII characters without spaces; use a UUID';
    throw problems.invalid(`${field}: ${message}`, [{ field, message }]);
  }
  return { key: header, requestHash: createHash('sha256').update(JSON.stringify(body)).digest('base64url') };
}

/**
 * Whether the repeat of a guest's request gets the session of the first. Guests share one list of keys: a short key
 * keeps the order from being placed twice, but proves nothing about who asks.
 */
export function bringsSession({ key }: Keyed): boolean {
  return key.length >= UNGUESSABLE;
}

/** The answer given under a key before. @throws Problem 422 when it was given to another request. */
export async function earlierAnswer<Answer>(
  tx: Tx,
  scope: string,
  { key, requestHash }: Keyed,
): Promise<Answer | undefined> {
  const row = await tx.get<{ requestHash: string; answer: string }>(
    `select request_hash as "requestHash", answer from idempotency_keys
     where scope = $1 and idempotency_key = $2`,
    scope,
    key,
  );
  if (!row) return undefined;
  if (row.requestHash === requestHash) return JSON.parse(row.answer) as Answer;
  const message = 'was used for another request; use a new key for a new order';
  throw problems.invalid(`${field} ${message}`, [{ field, message }]);
}

/** Notes an answer under a key. @returns false when somebody else was faster. */
export async function noteAnswer(
  tx: Tx,
  scope: string,
  { key, requestHash }: Keyed,
  answer: unknown,
  now: Date,
): Promise<boolean> {
  const noted = await tx.run(
    `insert into idempotency_keys (scope, idempotency_key, request_hash, answer, created_at)
     values ($1, $2, $3, $4, $5) on conflict (scope, idempotency_key) do nothing`,
    scope,
    key,
    requestHash,
    JSON.stringify(answer),
    now.toISOString(),
  );
  return noted > 0;
}

/** Forgets old keys, a bounded number at a time. @returns whether there are more. */
export async function forgetKeys(tx: Tx, before: Date): Promise<boolean> {
  const removed = await tx.run(
    `delete from idempotency_keys where (scope, idempotency_key) in (
       select scope, idempotency_key from idempotency_keys where created_at < $1
       order by created_at limit $2)`,
    before.toISOString(),
    PRUNE_BATCH,
  );
  return removed === PRUNE_BATCH;
}
