import type { Reader, Tx } from '../store/store.ts';
import {
  DELIVERY,
  errorValues,
  removeDelivery,
  toDelivery,
  type Delivery,
  type DeliveryError,
  type DeliveryRow,
} from './store.ts';

/** A delivery that failed for good. */
export interface DeadLetter extends Delivery {
  readonly queue: string;
  readonly broker: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly diedAt: string;
  /** When it is tried again by itself; `null`: it waits for a person. */
  readonly redriveAt: string | null;
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

/** Whether a queue keeps dead letters. */
export async function anyKept(reader: Reader, queue: string): Promise<boolean> {
  const row = await reader.get(
    `select 1 as one from deliveries where queue = $1 and state = 'dead' limit 1`,
    queue,
  );
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
