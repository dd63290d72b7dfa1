import type { Tx } from './store.ts';

/**
 * Marks an event as handled, in the transaction of its effects.
 * @returns false when it was there already: a duplicate, whose effects stand.
 */
export async function admit(tx: Tx, event: { source: string; id: string }, now: Date): Promise<boolean> {
  const inserted = await tx.run(
    'insert into inbox (source, id, received_at) values ($1, $2, $3) on conflict (source, id) do nothing',
    event.source,
    event.id,
    now.toISOString(),
  );
  return inserted > 0;
}

/** Forgets events received before an instant, `limit` at most: nobody waits long behind it. @returns how many. */
export function forgetBefore(tx: Tx, instant: Date, limit: number): Promise<number> {
  return tx.run(
    `delete from inbox where (source, id) in (
       select source, id from inbox where received_at < $1 order by received_at limit $2)`,
    instant.toISOString(),
    limit,
  );
}
