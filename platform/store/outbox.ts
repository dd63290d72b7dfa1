import type { Reader, Tx } from './store.ts';

/** An event that waits to be sent, as a structured-mode JSON document. */
export interface OutboxRow {
  readonly seq: number;
  readonly partitionKey: string;
  readonly event: string;
}

/** Stores an event to send, in the transaction of the change it tells of. */
export async function enqueue(tx: Tx, row: Omit<OutboxRow, 'seq'>, now: Date): Promise<void> {
  await tx.run(
    'insert into outbox (partition_key, event, created_at) values ($1, $2, $3)',
    row.partitionKey,
    row.event,
    now.toISOString(),
  );
}

/** Unsent events above a sequence, in the order they were stored. */
export function unsent(reader: Reader, after: number, limit: number): Promise<OutboxRow[]> {
  return reader.all<OutboxRow>(
    'select seq, partition_key as "partitionKey", event from outbox where seq > $1 order by seq limit $2',
    after,
    limit,
  );
}

/** Removes events that the sink has accepted. */
export async function markSent(tx: Tx, rows: readonly OutboxRow[]): Promise<void> {
  for (const { seq } of rows) await tx.run('delete from outbox where seq = $1', seq);
}

/** How many events wait, and since when. */
export async function outboxLag(reader: Reader): Promise<{ waiting: number; oldest: string | null }> {
  const row = await reader.get<{ waiting: number; oldest: string | null }>(
    'select count(*) as waiting, min(created_at) as oldest from outbox',
  );
  return row ?? { waiting: 0, oldest: null };
}
