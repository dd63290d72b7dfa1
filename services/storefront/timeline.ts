import type { LiveStreams } from '../../platform/http/live.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import { statusOf } from './decide.ts';
import { orders } from './store.ts';
import type { Order, Status } from './order.ts';

/**
 * One thing that happened to an order. `seq` counts its changes, so it grows but may skip; a lower one never comes later,
 * since each change waits for the one before.
 */
export interface Entry {
  readonly seq: number;
  readonly at: string;
  readonly event: string;
  readonly text: string;
  readonly status: Status;
}

/** Stores an order with a line for its timeline, and rings for those who watch it once that is durable. */
export async function record(
  tx: Tx,
  order: Order,
  { event, text, at, live }: { event: string; text: string; at: Date; live: LiveStreams },
): Promise<void> {
  await orders.save(tx, order);
  tx.send(
    'insert into timeline (order_id, seq, at, event, text, status) values ($1, $2, $3, $4, $5, $6)',
    order.orderId,
    order.version + 1,
    at.toISOString(),
    event,
    text,
    statusOf(order),
  );
  tx.afterCommit(() => live.ring(order.orderId));
}

/** The latest thing that happened to an order. */
export function lastEntry(reader: Reader, orderId: string): Promise<Pick<Entry, 'seq' | 'at'> | undefined> {
  return reader.get('select seq, at from timeline where order_id = $1 order by seq desc limit 1', orderId);
}

/** What happened to an order after a number, oldest first. */
export function entriesAfter(reader: Reader, orderId: string, seq: number, limit: number): Promise<Entry[]> {
  return reader.all<Entry>(
    `select seq, at, event, text, status from timeline
     where order_id = $1 and seq > $2 order by seq limit $3`,
    orderId,
    seq,
    limit,
  );
}
