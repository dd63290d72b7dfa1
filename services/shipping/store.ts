import { documents } from '../../platform/store/documents.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import { shipmentIdOf } from '../../events/ids.ts';
import type { Address } from '../../events/shapes.ts';
import { stateOf, type Destination, type Shipment, type State } from './shipment.ts';

export const shipments = documents<Shipment>('shipments', 'order_id', (shipment) => shipment.orderId, {
  customer_id: (shipment) => shipment.customerId,
  state: stateOf,
  heard_at: (shipment) => shipment.heardAt,
  answers_until: answersUntil,
});

const DAY_MS = 86_400_000;

/** A customer's parcels that an address change concerns. */
export function concernedBy(reader: Reader, customerId: string, now: Date): Promise<Shipment[]> {
  return shipments.select(
    reader,
    'customer_id = $1 and answers_until > $2 order by heard_at',
    customerId,
    now.toISOString(),
  );
}

/**
 * Until when a parcel answers address changes. One that is over does so for as long as a change may have been asked
 * for before that was known; else every change would be answered for all that its customer ever ordered.
 */
function answersUntil({ closed, cancelledAt, dispatchedAt }: Shipment): string {
  if (dispatchedAt !== undefined) return after(dispatchedAt, 30 * DAY_MS);
  if (cancelledAt !== undefined) return after(cancelledAt, DAY_MS);
  return closed === undefined ? '9999' : '';
}

function after(instant: string, ms: number): string {
  return new Date(Date.parse(instant) + ms).toISOString();
}

/** Where a page of shipments ended. */
export interface Position {
  readonly heardAt: string;
  readonly orderId: string;
}

/** Shipments after a position, those that were heard of first at the front. */
export function pageOf(
  reader: Reader,
  state: State | undefined,
  after: Position | undefined,
  limit: number,
): Promise<Shipment[]> {
  const { heardAt = '', orderId = '' } = after ?? {};
  const later = '(heard_at, order_id) > ($1, $2)';
  const page = 'order by heard_at, order_id limit $3';
  return state === undefined
    ? shipments.select(reader, `${later} ${page}`, heardAt, orderId, limit)
    : shipments.select(reader, `state = $4 and ${later} ${page}`, heardAt, orderId, limit, state);
}

/**
 * Makes transactions that bring a customer's orders and address changes together wait for each other: side by side,
 * the order would miss the change, and the change the order.
 */
export async function takeTurn(tx: Tx, customerId: string): Promise<void> {
  tx.send(
    `insert into customers (customer_id, turns) values ($1, 1)
     on conflict (customer_id) do update set turns = customers.turns + 1`,
    customerId,
  );
}

/** Keeps a change for orders that are still on their way. @returns false when it was there already. */
export async function keepChange(
  tx: Tx,
  customerId: string,
  change: Destination,
  now: Date,
): Promise<boolean> {
  const inserted = await tx.run(
    `insert into address_changes (customer_id, revision, zone, address, received_at) values ($1, $2, $3, $4, $5)
     on conflict (customer_id, revision) do nothing`,
    customerId,
    change.revision,
    change.zone,
    JSON.stringify(change.address),
    now.toISOString(),
  );
  return inserted > 0;
}

/** Changes above a revision, in their order. */
export async function changesAbove(
  reader: Reader,
  customerId: string,
  revision: number,
): Promise<Destination[]> {
  const rows = await reader.all<{ revision: number; zone: string; address: string }>(
    `select revision, zone, address from address_changes where customer_id = $1 and revision > $2 order by revision`,
    customerId,
    revision,
  );
  return rows.map((row) => ({ ...row, address: JSON.parse(row.address) as Address }));
}

const FORGET_BATCH = 1000;

/**
 * An address is kept no longer than an order may be on its way. They go a bounded number at a time.
 * @returns whether there are more.
 */
export async function forgetChanges(tx: Tx, before: Date): Promise<boolean> {
  const removed = await tx.run(
    `delete from address_changes where (customer_id, revision) in (
       select customer_id, revision from address_changes where received_at < $1
       order by received_at limit $2)`,
    before.toISOString(),
    FORGET_BATCH,
  );
  return removed === FORGET_BATCH;
}

export async function addLabel(tx: Tx, shipment: Shipment, now: Date): Promise<void> {
  const { orderId, label, destination } = shipment;
  if (!label || !destination) throw new Error(`${orderId} has nothing to be labelled with`);
  tx.send(
    `insert into labels (shipment_id, revision, tracking_number, created_at) values ($1, $2, $3, $4)
     on conflict (shipment_id, revision) do nothing`,
    shipmentIdOf(orderId),
    destination.revision,
    label.trackingNumber,
    now.toISOString(),
  );
}

export interface LabelRow {
  readonly revision: number;
  readonly createdAt: string;
}

export function labelsOf(reader: Reader, orderId: string): Promise<LabelRow[]> {
  return reader.all<LabelRow>(
    `select revision, created_at as "createdAt" from labels where shipment_id = $1 order by revision`,
    shipmentIdOf(orderId),
  );
}

/** When the first word came of the parcel that waits longest for what it needs. */
export async function oldestWaiting(reader: Reader): Promise<string | null> {
  const row = await reader.get<{ oldest: string | null }>(
    `select min(heard_at) as oldest from shipments where state = 'waiting'`,
  );
  return row?.oldest ?? null;
}

export async function countInState(reader: Reader, state: State): Promise<number> {
  const row = await reader.get<{ count: number | string }>(
    'select count(*) as count from shipments where state = $1',
    state,
  );
  return Number(row?.count ?? 0);
}
