import { orderPlaced } from '../../events/order.ts';
import { stockLevelChanged } from '../../events/stock.ts';
import { homeAddress, newAddress, type Customer } from './customer.ts';
import type { TestData } from './data.ts';
import type { Answer } from './service.ts';
import { shipmentIdOf } from './shop.ts';
import type { Staff } from './staff.ts';

/** An order, and whose it is. */
export interface Placed {
  readonly id: string;
  readonly customer: Customer;
}

/** What the payment provider itself has in its books. */
export interface Charge {
  readonly orderId: string;
  readonly captured: number;
  readonly refunded: number;
  readonly isOpen: number;
}

/** The books of the payment simulator. */
export function readCharges(data: TestData): Promise<Charge[]> {
  return data.rows(
    'payment',
    'simulator',
    `select order_id as "orderId", captured, refunded,
       case when captured + voided = 0 then 1 else 0 end as "isOpen" from charges`,
  );
}

/** What is wrong with the money of an order that ended in a state. */
function moneyFaults(end: string | undefined, payment: Answer['body'], charges: readonly Charge[]): string[] {
  const { authorized, captured, voided, refunded } = payment;
  const taken = charges.reduce((sum, charge) => sum + charge.captured - charge.refunded, 0);
  const due = end === 'shipped' ? payment.amount.amount : 0;
  return [
    ...(taken === due ? [] : [`the provider took ${taken}, not ${due}`]),
    ...(captured - refunded === due ? [] : [`the ledger says ${captured} taken, ${refunded} given back`]),
    ...(authorized === captured + voided ? [] : [`${authorized} held, ${captured} taken, ${voided} let go`]),
    ...(charges.filter((charge) => charge.captured > 0).length > 1 ? ['charged twice'] : []),
    ...(charges.some((charge) => charge.isOpen === 1) ? ['the provider still holds an amount'] : []),
  ];
}

/**
 * All that is wrong with an order that ended in a state, as customer, staff and provider see it.
 * @param books of the provider, with all orders
 */
export async function orderFaults(
  staff: Staff,
  { id, customer }: Placed,
  end: string | undefined,
  books: readonly Charge[],
): Promise<string[]> {
  const charges = books.filter(({ orderId }) => orderId === id);
  const { body: payment } = await staff.insist('payment', 'GET', `/api/payments/${id}`);
  const { body: shipment } = await staff.insist('shipping', 'GET', `/api/shipments/${shipmentIdOf(id)}`);
  const { body: order } = await customer.order(id);
  return [
    ...moneyFaults(end, payment, charges),
    ...parcelFaults(end, shipment),
    ...addressFaults(order, shipment),
  ];
}

/** What is wrong with the parcel. */
function parcelFaults(end: string | undefined, { state, labels, addressRevision }: Answer['body']): string[] {
  const expected = {
    shipped: 'dispatched',
    cancelled: 'cancelled',
    expired: 'cancelled',
    rejected: 'closed',
  };
  const wanted = expected[end as keyof typeof expected];
  const revisions: number[] = labels.map((label: { revision: number }) => label.revision);
  return [
    ...(wanted === undefined || state === wanted ? [] : [`the parcel is ${state}`]),
    ...(new Set(revisions).size === revisions.length ? [] : [`labelled twice: ${revisions.join(', ')}`]),
    ...(end !== 'shipped' || revisions.at(-1) === addressRevision
      ? []
      : ['left without a label for its address']),
  ];
}

/**
 * The parcel goes where the customer is told that it goes: to the new address if that was accepted. Whoever got no answer has
 * asked again, so that there may be several requests for that one address.
 */
function addressFaults(order: Answer['body'], { address }: Answer['body']): string[] {
  const outcomes: string[] = order.requests
    .filter(({ kind }: { kind: string }) => kind === 'address')
    .map(({ outcome }: { outcome: string }) => outcome);
  if (outcomes.length === 0 || order.status !== 'shipped') return [];
  const expected = outcomes.includes('accepted') ? newAddress : homeAddress;
  return [
    ...(outcomes.includes('pending') ? ['its address change was never answered'] : []),
    ...(outcomes.at(-1) === 'superseded' ? ['its last change was superseded by none'] : []),
    ...(address.line1 === expected.line1
      ? []
      : [`the changes were ${outcomes.join(', ')}, the parcel goes elsewhere`]),
    ...(order.shipment.address.line1 === address.line1 ? [] : ['the customer is told another address']),
  ];
}

/**
 * What the ledger knows of the orders: none of them may be missing there, and nothing may have been said twice. One
 * cause makes a service say a thing once; a second time under another id it was done twice.
 */
export async function storyFaults(data: TestData, orderIds: readonly string[]): Promise<string[]> {
  const told = await data.rows<{ subject: string }>(
    'ledger',
    'ledger',
    `select subject from archive where type = '${orderPlaced.type}'`,
  );
  const known = new Set(told.map(({ subject }) => subject));
  const twice = await data.rows<{ type: string; subject: string; count: number }>(
    'ledger',
    'ledger',
    `select type, subject, count(*) as count from archive where type <> '${stockLevelChanged.type}'
     group by source, type, subject, causation_id having count(*) > 1`,
  );
  return [
    ...orderIds.filter((id) => !known.has(id)).map((id) => `${id} is not in the ledger`),
    ...twice.map(({ type, subject, count }) => `${subject}: ${type} was said ${count} times for one reason`),
  ];
}
