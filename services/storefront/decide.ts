import type { DataOf } from '../../platform/contract.ts';
import type * as payment from '../../events/payment.ts';
import type * as shipment from '../../events/shipment.ts';
import type * as stock from '../../events/stock.ts';
import type { Decision, Order, OrderLine, ShipmentFacts, Status } from './order.ts';

export interface Placing {
  readonly orderId: string;
  readonly customerId: string;
  readonly placedAt: string;
  readonly confirmBy: string;
  readonly lines: readonly OrderLine[];
  readonly currency: string;
  readonly shippingFee: number;
  readonly total: number;
  readonly addressRevision: number;
}

type CancelReason = NonNullable<ShipmentFacts['cancelled']>['reason'];

export function placed(placing: Placing): Order {
  return {
    ...placing,
    version: 0,
    payment: {},
    stock: {},
    shipment: { readdressed: [], addressRefused: [] },
    requests: [],
  };
}

/** What it means for an order that its parcel will not leave, and how its customer is told. */
const CANCELLATIONS: Readonly<Record<CancelReason, { status: Status; text: string }>> = {
  requested: { status: 'cancelled', text: 'The order was cancelled.' },
  payment_lapsed: {
    status: 'cancelled',
    text: 'The order was cancelled: the amount could not be held on your card any longer.',
  },
  order_expired: { status: 'expired', text: 'The order was closed: it was not confirmed in time.' },
  reservation_expired: { status: 'expired', text: 'The order was closed: it was not paid in time.' },
};

/** Where an order stands: follows from what was heard, whatever the order of arrival. */
export function statusOf(order: Order): Status {
  const { payment: paid, stock: goods, shipment: parcel } = order;
  if (parcel.delivered) return 'delivered';
  if (parcel.dispatched) return 'shipped';
  if (parcel.cancelled) return CANCELLATIONS[parcel.cancelled.reason].status;
  if (paid.declined || goods.rejected) return 'rejected';
  return isConfirmed(order) ? 'confirmed' : 'placed';
}

/** Why a status is what it is, where there is a reason to tell. */
export function reasonOf({ payment: paid, stock: goods, shipment: parcel }: Order): string | undefined {
  if (parcel.delivered || parcel.dispatched) return undefined;
  if (parcel.cancelled) return parcel.cancelled.reason;
  if (paid.declined) return 'payment_declined';
  return goods.rejected ? 'out_of_stock' : undefined;
}

/** Whether anything the customer asks for can still make a difference, as far as the storefront knows. */
export function isOpen(order: Order): boolean {
  return ['placed', 'confirmed', 'shipped'].includes(statusOf(order));
}

/** Whether an order has ended without a parcel. */
export function isOver(order: Order): boolean {
  return ['rejected', 'cancelled', 'expired'].includes(statusOf(order));
}

/** Whether the deadline still means something for an order. */
export function awaitsDeadline(order: Order): boolean {
  return statusOf(order) === 'placed' && !order.overdue;
}

/** The deadline passed. The word of payment and stock may still be on its way to here: shipping decides. */
export function expire(order: Order): Decision {
  if (!awaitsDeadline(order)) return { ignored: `the order is ${statusOf(order)}` };
  const { orderId, customerId, confirmBy } = order;
  return {
    order: { ...order, overdue: true },
    text: 'The order was not confirmed in time; shipping decides whether it can still leave.',
    emit: [{ event: 'order.expired', data: { orderId, customerId, deadline: confirmBy } }],
  };
}

export function authorized(order: Order, { last4 }: DataOf<typeof payment.paymentAuthorized>): Decision {
  return hear(
    order,
    'payment',
    'authorized',
    { last4 },
    `The amount is held on your card ending in ${last4}.`,
  );
}

export function declined(order: Order, { reason }: DataOf<typeof payment.paymentDeclined>): Decision {
  const text = `Your payment was declined: ${inWords(reason)}.`;
  return hear(order, 'payment', 'declined', { reason }, closing(order, text));
}

export function captured(order: Order): Decision {
  return hear(order, 'payment', 'captured', true, 'Your card was charged.');
}

export function voided(order: Order, { reason }: DataOf<typeof payment.paymentVoided>): Decision {
  return hear(
    order,
    'payment',
    'voided',
    { reason },
    'The amount on your card was let go; nothing was charged.',
  );
}

export function refunded(order: Order, { reason }: DataOf<typeof payment.paymentRefunded>): Decision {
  return hear(order, 'payment', 'refunded', { reason }, 'Your money is on its way back to you.');
}

export function captureFailed(
  order: Order,
  { reason }: DataOf<typeof payment.paymentCaptureFailed>,
): Decision {
  const text = `Your card could not be charged: ${inWords(reason)}. We will contact you.`;
  return hear(order, 'payment', 'captureFailed', { reason }, text);
}

export function stockReserved(order: Order): Decision {
  return hear(order, 'stock', 'reserved', true, 'Everything you ordered is set aside for you.');
}

export function stockRejected(order: Order, { shortages }: DataOf<typeof stock.stockRejected>): Decision {
  const skus = shortages.map(({ sku }) => sku);
  const text = `Not enough in stock: ${skus.join(', ')}.`;
  return hear(order, 'stock', 'rejected', { skus }, closing(order, text));
}

export function stockReleased(order: Order, { reason }: DataOf<typeof stock.stockReleased>): Decision {
  return hear(order, 'stock', 'released', { reason }, 'What was set aside is on sale again.');
}

export function prepared(order: Order, data: DataOf<typeof shipment.shipmentPrepared>): Decision {
  const { trackingNumber, addressRevision } = data;
  const text = `Your parcel is packed; its tracking number is ${trackingNumber}.`;
  return hear(known(order, data), 'shipment', 'prepared', { trackingNumber, addressRevision }, text);
}

export function dispatched(order: Order, data: DataOf<typeof shipment.shipmentDispatched>): Decision {
  const { trackingNumber, addressRevision, dispatchedAt: at } = data;
  const fact = { trackingNumber, addressRevision, at };
  return hear(known(order, data), 'shipment', 'dispatched', fact, 'Your parcel is on its way.');
}

export function delivered(order: Order, data: DataOf<typeof shipment.shipmentDelivered>): Decision {
  const fact = { at: data.deliveredAt };
  return hear(known(order, data), 'shipment', 'delivered', fact, 'Your parcel was delivered.');
}

export function cancelled(order: Order, data: DataOf<typeof shipment.shipmentCancelled>): Decision {
  const { reason } = data;
  const { text } = CANCELLATIONS[reason];
  return hear(known(order, data), 'shipment', 'cancelled', { reason }, closing(order, text));
}

export function cancellationRefused(
  order: Order,
  data: DataOf<typeof shipment.shipmentCancellationRefused>,
): Decision {
  const { reason } = data;
  const text = 'The order could not be cancelled: the parcel has left already.';
  return hear(known(order, data), 'shipment', 'cancellationRefused', { reason }, text);
}

export const heardBefore: Decision = { ignored: 'heard before' };

type Part = 'payment' | 'stock' | 'shipment';

/** Keeps a fact that was not known yet; the first telling of a fact counts. */
function hear<P extends Part, Fact extends keyof Order[P]>(
  order: Order,
  part: P,
  fact: Fact,
  value: NonNullable<Order[P][Fact]>,
  text: string | undefined,
): Decision {
  const facts: Order[P] = order[part];
  if (facts[fact] !== undefined) return heardBefore;
  const heard = { ...order, [part]: { ...facts, [fact]: value } };
  return text === undefined ? { order: heard } : { order: heard, text };
}

/** An order ends once: whoever was told that it is over is not told so again for another reason. */
function closing(order: Order, text: string): string | undefined {
  return isOver(order) ? undefined : text;
}

/** The order with the name of its shipment, which every word of shipping tells. */
export function known(order: Order, { shipmentId: id }: { readonly shipmentId: string }): Order {
  return { ...order, shipment: { ...order.shipment, id } };
}

/** Once the deadline has passed, only shipping's word counts: payment and stock may have come too late. */
function isConfirmed({ payment: paid, stock: goods, shipment: parcel, overdue }: Order): boolean {
  if (parcel.prepared) return true;
  return !overdue && paid.authorized !== undefined && goods.reserved !== undefined;
}

export function inWords(code: string): string {
  return code.replaceAll('_', ' ');
}
