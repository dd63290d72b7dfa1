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

/** A delivery that failed for good. */
export interface DeadLetter extends Delivery {
  readonly queue: string;
  readonly broker: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly diedAt: string;
  /** When it is tried again by itself; `null`: it waits for a person. */
  readonly redriveAt: string | null;
}

interface DeliveryRow {
  readonly seq: number;
  readonly attempts: number;
  readonly redrives: number;
  readonly partitionKey: string | null;
  readonly code: number | null;
  readonly dest: string | null;
  readonly data: string | null;
}

const DELIVERY = `event_seq as seq, attempts, redrives, partition_key as "partitionKey", error_code as code,
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

/** Hands the dead letters of a queue over to another one: somebody is there to take them now. */
export function moveDeadLetters(tx: Tx, from: string, to: string): Promise<number> {
  return tx.run(
    `update deliveries set queue = $2, state = 'waiting', attempts = 0, redrives = 0, redrive_at = null
     where queue = $1 and state = 'dead'`,
    from,
    to,
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

/** Keeps a delivery that failed for good. @param redriveAt when it is tried again by itself, if ever. */
export async function bury(
  tx: Tx,
  seq: number,
  queue: string,
  error: DeliveryError,
  now: Date,
  redriveAt: Date | undefined,
): Promise<void> {
  await tx.run(
    `update deliveries set state = 'dead', error_code = $3, error_dest = $4, error_data = $5,
       died_at = coalesce(died_at, $6), redrive_at = $7
     where event_seq = $1 and queue = $2`,
    seq,
    queue,
    ...errorValues(error),
    now.toISOString(),
    redriveAt?.toISOString() ?? null,
  );
}

/**
 * Puts dead letters of a queue back into it: those whose time has come, and those that were tried again fewer than
 * `below` times.
 */
export function revive(tx: Tx, queue: string, now: Date, below: number): Promise<number> {
  return tx.run(
    `update deliveries set state = 'waiting', attempts = 0, redrives = redrives + 1, redrive_at = null
     where queue = $1 and state = 'dead' and redrive_at is not null and (redrives < $2 or redrive_at <= $3)`,
    queue,
    below,
    now.toISOString(),
  );
}

/** Puts one dead letter back into its queue. @returns whether it was there. */
export async function retryLetter(tx: Tx, seq: number, queue: string): Promise<boolean> {
  const changed = await tx.run(
    `update deliveries set state = 'waiting', attempts = 0, redrives = redrives + 1, redrive_at = null
     where event_seq = $1 and queue = $2 and state = 'dead'`,
    seq,
    queue,
  );
  return changed > 0;
}

/** Forgets one dead letter. @returns whether it was there. */
export async function discardLetter(tx: Tx, seq: number, queue: string): Promise<boolean> {
  const row = await tx.get(
    `select 1 as one from deliveries where event_seq = $1 and queue = $2 and state = 'dead'`,
    seq,
    queue,
  );
  if (row !== undefined) await removeDelivery(tx, seq, queue);
  return row !== undefined;
}

/** Whether a queue has dead letters whose time has come. */
export async function isDue(reader: Reader, queue: string, now: Date): Promise<boolean> {
  const row = await reader.get(
    'select 1 as one from deliveries where queue = $1 and redrive_at is not null and redrive_at <= $2 limit 1',
    queue,
    now.toISOString(),
  );
  return row !== undefined;
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

/** Where a page of dead letters ends. */
export interface LetterPosition {
  readonly seq: number;
  readonly queue: string;
}

/** Dead letters, newest event first, after a position. */
export async function deadLetters(
  reader: Reader,
  after: LetterPosition | undefined,
  limit: number,
): Promise<DeadLetter[]> {
  const rows = await reader.all<
    DeliveryRow & {
      queue: string;
      broker: string;
      attributes: string;
      diedAt: string;
      redriveAt: string | null;
    }
  >(
    `select ${DELIVERY}, queue, broker, attributes, died_at as "diedAt", redrive_at as "redriveAt"
     from deliveries join events on events.seq = event_seq
     where state = 'dead' and (event_seq < $1 or (event_seq = $1 and queue > $2))
     order by event_seq desc, queue limit $3`,
    after?.seq ?? Number.MAX_SAFE_INTEGER,
    after?.queue ?? '',
    limit,
  );
  return rows.map(({ queue, broker, attributes, diedAt, redriveAt, ...row }) => ({
    ...toDelivery(row),
    queue,
    broker,
    attributes: JSON.parse(attributes) as Record<string, string>,
    diedAt,
    redriveAt,
  }));
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

function errorValues(error: DeliveryError | undefined): [SqlValue, SqlValue, SqlValue] {
  return [error?.code ?? null, error?.dest ?? null, error?.data ?? null];
}

function toDelivery({ code, dest, data, ...row }: DeliveryRow): Delivery {
  const error = code === null || dest === null ? undefined : { code, dest, data: data ?? '' };
  return { ...row, error };
}
