import type { Reader, Tx } from '../store/store.ts';
import type { ForwardedHeaders, RoutedEvent } from '../delivery/forwarded.ts';

/** An event that the broker holds. */
export interface HeldEvent extends RoutedEvent {
  readonly seq: number;
  /** `<namespace>/<name>` of the Broker that took it. */
  readonly broker: string;
}

/** Why the last attempt failed, as dead letters tell it. */
export interface DeliveryError {
  /** The address that failed. */
  readonly dest: string;
  /** HTTP status, or 500 when there was no answer. */
  readonly code: number;
  /** Start of the answer's body, or what went wrong. */
  readonly data: string;
}

/** One event on its way to one subscriber, or to the sink for the dead letters of one. */
export interface Delivery {
  readonly seq: number;
  readonly attempts: number;
  /** What its event must stay in order with, where the queue keeps an order. */
  readonly partitionKey: string | null;
  /** What made it a dead letter. */
  readonly error: DeliveryError | undefined;
}

/** What the name of a queue of dead letters ends with, behind its Trigger's. No Trigger's own name has a `#`. */
export const DEAD_LETTERS = '#dead-letters';

/** Stores an event with what is to be delivered of it. @returns its sequence. */
export async function insertEvent(
  tx: Tx,
  broker: string,
  event: RoutedEvent,
  queues: readonly string[],
  now: Date,
): Promise<number> {
  const row = await tx.get<{ seq: number }>(
    'insert into events (broker, attributes, headers, data, accepted_at) values ($1, $2, $3, $4, $5) returning seq',
    broker,
    JSON.stringify(event.attributes),
    JSON.stringify(event.headers),
    event.data ?? null,
    now.toISOString(),
  );
  if (!row) throw new Error('an insert returned no row');
  const key = event.attributes['partitionkey'] ?? null;
  for (const queue of queues) {
    await tx.run(
      'insert into deliveries (event_seq, queue, attempts, partition_key) values ($1, $2, 0, $3)',
      row.seq,
      queue,
      key,
    );
  }
  return row.seq;
}

/** Hands a delivery over to another queue, with what went wrong in this one. */
export async function moveDelivery(
  tx: Tx,
  seq: number,
  from: string,
  to: string,
  error: DeliveryError,
): Promise<void> {
  await tx.run(
    `update deliveries set queue = $3, attempts = 0, error_code = $4, error_dest = $5, error_data = $6
     where event_seq = $1 and queue = $2`,
    seq,
    from,
    to,
    error.code,
    error.dest,
    error.data,
  );
}

/** Takes a delivery out of its queue; an event that is in no queue any more is forgotten. */
export async function removeDelivery(tx: Tx, seq: number, queue: string): Promise<void> {
  await tx.run('delete from deliveries where event_seq = $1 and queue = $2', seq, queue);
  await tx.run(
    'delete from events where seq = $1 and not exists (select 1 from deliveries where event_seq = $1)',
    seq,
  );
}

/** Remembers a failed attempt, so that the count survives a crash. */
export async function storeAttempt(tx: Tx, seq: number, queue: string, attempts: number): Promise<void> {
  await tx.run(
    'update deliveries set attempts = $3 where event_seq = $1 and queue = $2',
    seq,
    queue,
    attempts,
  );
}

/** Deliveries of a queue above a sequence, in order. */
export async function waitingDeliveries(
  reader: Reader,
  queue: string,
  after: number,
  limit: number,
): Promise<Delivery[]> {
  const rows = await reader.all<DeliveryRow>(
    `select event_seq as seq, attempts, partition_key as "partitionKey", error_code as code, error_dest as dest,
       error_data as data
     from deliveries where queue = $1 and event_seq > $2 order by event_seq limit $3`,
    queue,
    after,
    limit,
  );
  return rows.map(toDelivery);
}

/** An event as it was taken. */
export async function findEvent(reader: Reader, seq: number): Promise<HeldEvent | undefined> {
  const row = await reader.get<EventRow>(
    'select seq, broker, attributes, headers, data from events where seq = $1',
    seq,
  );
  if (!row) return undefined;
  return {
    ...row,
    attributes: JSON.parse(row.attributes) as HeldEvent['attributes'],
    headers: JSON.parse(row.headers) as ForwardedHeaders,
    data: row.data ? Buffer.from(row.data) : undefined,
  };
}

/** How many deliveries wait, by queue. Queues without any are left out. */
export function countDeliveries(reader: Reader): Promise<{ queue: string; count: number }[]> {
  return reader.all('select queue, count(*) as count from deliveries group by queue');
}

interface DeliveryRow extends Omit<Delivery, 'error'> {
  readonly code: number | null;
  readonly dest: string | null;
  readonly data: string | null;
}

interface EventRow {
  readonly seq: number;
  readonly broker: string;
  readonly attributes: string;
  readonly headers: string;
  readonly data: Uint8Array | null;
}

function toDelivery({ code, dest, data, ...row }: DeliveryRow): Delivery {
  const error = code === null || dest === null ? undefined : { code, dest, data: data ?? '' };
  return { ...row, error };
}
