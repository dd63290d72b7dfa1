import { crc32 } from 'node:zlib';
import type { Reader, Store, Tx } from './store.ts';

/** An event that waits to be sent, as a structured-mode JSON document. */
export interface OutboxRow {
  readonly seq: number;
  readonly partitionKey: string;
  /** Where it stands in line: events of one partition key share a lane. */
  readonly lane: number;
  readonly event: string;
}

/** Lanes of an outbox: what replicas share out among themselves. Rows keep theirs, so the number is fixed. */
export const LANES = 32;

/** The lane of a partition key. */
export function laneOf(partitionKey: string): number {
  return crc32(partitionKey) % LANES;
}

/**
 * Stores events to send, in the transaction of the change they tell of, as its last act: from here on it holds the
 * turn of their lanes, so that what is committed later in a lane has a higher sequence.
 */
export async function enqueue(
  tx: Tx,
  rows: readonly Pick<OutboxRow, 'partitionKey' | 'event'>[],
  now: Date,
): Promise<void> {
  // In one order for everybody: nobody waits for another in a circle.
  const lanes = [...new Set(rows.map(({ partitionKey }) => laneOf(partitionKey)))].toSorted((a, b) => a - b);
  if (tx.dialect.takeTurn) for (const lane of lanes) tx.send(tx.dialect.takeTurn, lane);
  for (const { partitionKey, event } of rows) {
    tx.send(
      'insert into outbox (partition_key, lane, event, created_at) values ($1, $2, $3, $4)',
      partitionKey,
      laneOf(partitionKey),
      event,
      now.toISOString(),
    );
  }
}

const columns = 'seq, partition_key as "partitionKey", lane, event';

/** Unsent events above a sequence, in the order they were stored. */
export function unsent(reader: Reader, after: number, limit: number): Promise<OutboxRow[]> {
  return reader.all<OutboxRow>(
    `select ${columns} from outbox where seq > $1 order by seq limit $2`,
    after,
    limit,
  );
}

/**
 * Unsent events of some lanes, of each those above a sequence of its own: sequences grow with the commits in a lane,
 * but not across lanes.
 * @param limits of rows, and of rows in one lane.
 */
export function unsentIn(
  reader: Reader,
  lanes: readonly { readonly lane: number; readonly after: number }[],
  limits: { readonly all: number; readonly lane: number },
): Promise<OutboxRow[]> {
  const wanted = lanes
    .map((_, index) => `($${index * 2 + 3}::integer, $${index * 2 + 4}::bigint)`)
    .join(', ');
  return reader.all<OutboxRow>(
    `select found.* from (values ${wanted}) as wanted (lane, after) cross join lateral (
       select ${columns} from outbox where outbox.lane = wanted.lane and outbox.seq > wanted.after
       order by seq limit $2) as found order by seq limit $1`,
    limits.all,
    limits.lane,
    ...lanes.flatMap(({ lane, after }) => [lane, after]),
  );
}

/** Rows removed by one statement, which is the same text whatever their number. */
const slots = Array.from({ length: 32 }, (_, index) => index);
const removal = `delete from outbox where seq in (${slots.map((slot) => `$${slot + 1}`).join(', ')})`;

/** Removes events that the sink has accepted. */
export async function markSent(store: Store, rows: readonly OutboxRow[]): Promise<void> {
  const seqsFrom = (from: number): (number | null)[] => slots.map((slot) => rows[from + slot]?.seq ?? null);
  if (rows.length <= slots.length) {
    await store.writeOne(removal, ...seqsFrom(0));
    return;
  }
  await store.write(async (tx) => {
    for (let from = 0; from < rows.length; from += slots.length) tx.send(removal, ...seqsFrom(from));
  });
}

/** How many events wait, and since when. */
export async function outboxLag(reader: Reader): Promise<{ waiting: number; oldest: string | null }> {
  const row = await reader.get<{ waiting: number; oldest: string | null }>(
    'select count(*) as waiting, min(created_at) as oldest from outbox',
  );
  return row ?? { waiting: 0, oldest: null };
}
