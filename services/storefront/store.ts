import type { Address, Contact } from '../../events/shapes.ts';
import { documents } from '../../platform/store/documents.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import { statusOf } from './decide.ts';
import type { Order } from './order.ts';

export const orders = documents<Order>('orders', 'order_id', (order) => order.orderId, {
  customer_id: (order) => order.customerId,
  placed_at: (order) => order.placedAt,
  status: statusOf,
});

/** A customer's order; somebody else's counts as not there. */
export async function findOwn(
  reader: Reader,
  orderId: string,
  customerId: string | undefined,
): Promise<Order | undefined> {
  if (customerId === undefined) return undefined;
  const order = await orders.find(reader, orderId);
  return order?.customerId === customerId ? order : undefined;
}

export interface Position {
  readonly placedAt: string;
  readonly orderId: string;
}

/** A customer's orders, newest first, from below a position. */
export function ordersOf(
  reader: Reader,
  customerId: string,
  below: Position | undefined,
  limit: number,
): Promise<Order[]> {
  const newest = 'order by placed_at desc, order_id desc limit $2';
  if (!below) return orders.select(reader, `customer_id = $1 ${newest}`, customerId, limit);
  return orders.select(
    reader,
    `customer_id = $1 and (placed_at, order_id) < ($3, $4) ${newest}`,
    customerId,
    limit,
    below.placedAt,
    below.orderId,
  );
}

const SHIPPED_MS = 30 * 86_400_000;

/** A customer's orders that a change may concern: what has left belongs to them for a while only. */
export function openOrdersOf(reader: Reader, customerId: string, now: Date): Promise<Order[]> {
  return orders.select(
    reader,
    `customer_id = $1 and (status in ('placed', 'confirmed') or (status = 'shipped' and placed_at > $2))
     order by placed_at, order_id`,
    customerId,
    new Date(now.getTime() - SHIPPED_MS).toISOString(),
  );
}

/** How many orders are on their way to a parcel. */
export async function countUnfinished(reader: Reader): Promise<number> {
  const row = await reader.get<{ count: number | string }>(
    `select count(*) as count from orders where status in ('placed', 'confirmed')`,
  );
  return Number(row?.count ?? 0);
}

/** When the oldest order was placed that is not confirmed yet. */
export async function oldestUnconfirmed(reader: Reader): Promise<string | null> {
  const row = await reader.get<{ oldest: string | null }>(
    `select min(placed_at) as oldest from orders where status = 'placed'`,
  );
  return row?.oldest ?? null;
}

/**
 * Issues a customer's next revision, and notes the contact of an order.
 * @returns the revision, and whether the contact is new or another one.
 */
export async function nextRevision(
  tx: Tx,
  customerId: string,
  contact?: Contact,
): Promise<{ readonly revision: number; readonly contactChanged: boolean }> {
  const row = await tx.get<{ revision: number; contactRevision: number }>(
    `insert into customers (customer_id, revision, contact, contact_revision) values ($1, 1, $2, $3)
     on conflict (customer_id) do update set
       revision = customers.revision + 1,
       contact = coalesce(excluded.contact, customers.contact),
       contact_revision = case
         when excluded.contact is not null and excluded.contact is distinct from customers.contact
         then customers.revision + 1 else customers.contact_revision end
     returning revision, contact_revision as "contactRevision"`,
    customerId,
    contact ? JSON.stringify([contact.name, contact.email]) : null,
    contact ? 1 : 0,
  );
  if (!row) throw new Error('no revision was issued');
  return { revision: row.revision, contactChanged: row.contactRevision === row.revision };
}

export async function addAddress(
  tx: Tx,
  customerId: string,
  revision: number,
  address: Address,
  now: Date,
): Promise<void> {
  tx.send(
    'insert into addresses (customer_id, revision, address, added_at) values ($1, $2, $3, $4)',
    customerId,
    revision,
    JSON.stringify(address),
    now.toISOString(),
  );
}

const FORGET_BATCH = 1000;

/**
 * Forgets old addresses of customers none of whose parcels has still to leave, a bounded number at a time.
 * @returns whether there are more.
 */
export async function forgetAddresses(tx: Tx, before: Date): Promise<boolean> {
  const removed = await tx.run(
    `delete from addresses where (customer_id, revision) in (
       select customer_id, revision from addresses
       where added_at < $1 and not exists (
         select 1 from orders where orders.customer_id = addresses.customer_id
         and status in ('placed', 'confirmed'))
       order by added_at limit $2)`,
    before.toISOString(),
    FORGET_BATCH,
  );
  return removed === FORGET_BATCH;
}

export async function findAddress(
  reader: Reader,
  customerId: string,
  revision: number,
): Promise<Address | undefined> {
  const row = await reader.get<{ address: string }>(
    'select address from addresses where customer_id = $1 and revision = $2',
    customerId,
    revision,
  );
  return row && (JSON.parse(row.address) as Address);
}
