import type { WireEvent } from '../cloudevents.ts';
import type { Reader, SqlValue, Tx } from '../store/store.ts';

/** An event that the broker holds. */
export interface HeldEvent extends WireEvent {
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

/** One event on its way to one subscriber. */
export interface Delivery {
  readonly seq: number;
  readonly attempts: number;
  readonly redrives: number;
  /** What its event must stay in order with, where the queue keeps an order. */
  readonly partitionKey: string | null;
  readonly error: DeliveryError | undefined;
}

/** A delivery as it is stored. */
export interface DeliveryRow {
  readonly seq: number;
  readonly attempts: number;
  readonly redrives: number;
  readonly partitionKey: string | null;
  readonly code: number | null;
  readonly dest: string | null;
  readonly data: string | null;
}

/** The columns of a {@link DeliveryRow}. */
export const DELIVERY = `event_seq as seq, attempts, redrives, partition_key as "partitionKey", error_code as code,
  error_dest as dest, error_data as data`;

/** Stores an event with what is to be delivered of it. @returns its sequence. */
export async function insertEvent(
  tx: Tx,
  broker: string,
  event: WireEvent,
  queues: readonly string[],
  now: Date,
): Promise<number> {
  const row = await tx.get<{ seq: number }>(
    'insert into events (broker, attributes, data, accepted_at) values ($1, $2, $3, $4) returning seq',
    broker,
    JSON.stringify(event.attributes),
    event.data ?? null,
    now.toISOString(),
  );
  if (!row) throw new Error('an insert returned no row');
  const key = event.attributes['partitionkey'] ?? null;
  for (const queue of queues) {
    await tx.run(
      `insert into deliveries (event_seq, queue, state, attempts, redrives, partition_key)
       values ($1, $2, 'waiting', 0, 0, $3)`,
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
    `update deliveries set queue = $3, state = 'waiting', attempts = 0, redrives = 0, redrive_at = null,
       error_code = $4, error_dest = $5, error_data = $6
     where event_seq = $1 and queue = $2`,
    seq,
    from,
    to,
    ...errorValues(error),
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

/** Waiting deliveries of a queue above a sequence, in order. */
export async function waitingDeliveries(
  reader: Reader,
  queue: string,
  after: number,
  limit: number,
): Promise<Delivery[]> {
  const rows = await reader.all<DeliveryRow>(
    `select ${DELIVERY} from deliveries where queue = $1 and state = 'waiting' and event_seq > $2
     order by event_seq limit $3`,
    queue,
    after,
    limit,
  );
  return rows.map(toDelivery);
}

/** The first delivery of a queue after a sequence that is still to be made: waiting, or dead with a passing cause. */
export async function nextDelivery(
  reader: Reader,
  queue: string,
  after: number,
): Promise<Delivery | undefined> {
  const first = (condition: string): Promise<DeliveryRow | undefined> =>
    reader.get<DeliveryRow>(
      `select ${DELIVERY} from deliveries where queue = $1 and ${condition} and event_seq > $2
       order by event_seq limit 1`,
      queue,
      after,
    );
  const found = [await first(`state = 'waiting'`), await first(`state = 'dead' and redrive_at is not null`)];
  const [row] = found.filter((each) => each !== undefined).toSorted((a, b) => a.seq - b.seq);
  return row && toDelivery(row);
}

/** An event as it was taken. */
export async function findEvent(reader: Reader, seq: number): Promise<HeldEvent | undefined> {
  const row = await reader.get<{ seq: number; broker: string; attributes: string; data: Uint8Array | null }>(
    'select seq, broker, attributes, data from events where seq = $1',
    seq,
  );
  if (!row) return undefined;
  const attributes = JSON.parse(row.attributes) as Record<string, string>;
  return { seq: row.seq, broker: row.broker, attributes, data: row.data ? Buffer.from(row.data) : undefined };
}

/** How many deliveries are in each state, by queue. */
export function countDeliveries(reader: Reader): Promise<{ queue: string; state: string; count: number }[]> {
  return reader.all('select queue, state, count(*) as count from deliveries group by queue, state');
}

/** Queues that hold something. */
export async function usedQueues(reader: Reader): Promise<string[]> {
  return (await reader.all<{ queue: string }>('select distinct queue from deliveries')).map(
    (row) => row.queue,
  );
}

/** What went wrong, as the values of three columns. */
export function errorValues(error: DeliveryError | undefined): [SqlValue, SqlValue, SqlValue] {
  return [error?.code ?? null, error?.dest ?? null, error?.data ?? null];
}

/** A delivery of its row. */
export function toDelivery({ code, dest, data, ...row }: DeliveryRow): Delivery {
  const error = code === null || dest === null ? undefined : { code, dest, data: data ?? '' };
  return { ...row, error };
}
