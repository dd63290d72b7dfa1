import type { Address } from '../../events/shapes.ts';
import type { OrderSummary, OrderView } from './api/schemas.ts';
import { isOpen, isOver, reasonOf, statusOf } from './decide.ts';
import type { ChangeRequest, Order } from './order.ts';

/** An order in a list. */
export function summaryOf(order: Order): OrderSummary {
  const reason = reasonOf(order);
  return {
    id: order.orderId,
    status: statusOf(order),
    ...(reason === undefined ? {} : { reason }),
    placedAt: order.placedAt,
    total: { amount: order.total, currency: order.currency },
  };
}

/** An order as its customer sees it. @param address the one of `addressRevisionOf` */
export function viewOf(order: Order, address: Address | undefined): OrderView {
  const { currency } = order;
  const shipment = shipmentOf(order, address);
  return {
    ...summaryOf(order),
    lines: order.lines.map(({ unitPrice, ...line }) => ({
      ...line,
      unitPrice: { amount: unitPrice, currency },
    })),
    shippingFee: { amount: order.shippingFee, currency },
    payment: paymentOf(order),
    ...(shipment ? { shipment } : {}),
    requests: order.requests.map((request) => ({ ...request, ...outcomeOf(order, request) })),
  };
}

/** Revision of the address that the parcel has: shipping only ever moves to a higher one. */
export function addressRevisionOf({ addressRevision, shipment }: Order): number {
  const labelled = [shipment.prepared, shipment.dispatched].flatMap((fact) => fact?.addressRevision ?? []);
  return Math.max(addressRevision, ...shipment.readdressed, ...labelled);
}

export function paymentOf(order: Order): OrderView['payment'] {
  const { authorized, declined, captured, voided, refunded, captureFailed } = order.payment;
  const card = authorized ? { last4: authorized.last4 } : {};
  const over = isOver(order);
  if (refunded) return { status: 'refunded', ...card, reason: refunded.reason };
  if (captured) return { status: over ? 'refund_pending' : 'captured', ...card };
  if (captureFailed) return { status: 'capture_failed', ...card, reason: captureFailed.reason };
  if (voided) return { status: 'voided', ...card, reason: voided.reason };
  if (declined) return { status: 'declined', ...card, reason: declined.reason };
  // An order that is over before the gateway was asked: payment never asks, and has nothing to say.
  if (!authorized) return { status: over ? 'not_charged' : 'pending' };
  return { status: over ? 'void_pending' : 'authorized', ...card };
}

function shipmentOf(order: Order, address: Address | undefined): OrderView['shipment'] {
  const { id, prepared, dispatched, delivered } = order.shipment;
  const state = shipmentStateOf(order);
  if (state === 'waiting' && !isOpen(order)) return undefined;
  const trackingNumber = (dispatched ?? prepared)?.trackingNumber;
  return {
    ...(id === undefined ? {} : { id }),
    ...(trackingNumber === undefined ? {} : { trackingNumber }),
    state,
    ...(address ? { address } : {}),
    addressRevision: addressRevisionOf(order),
    ...(dispatched ? { dispatchedAt: dispatched.at } : {}),
    ...(delivered ? { deliveredAt: delivered.at } : {}),
  };
}

function shipmentStateOf({ shipment }: Order): NonNullable<OrderView['shipment']>['state'] {
  if (shipment.delivered) return 'delivered';
  if (shipment.dispatched) return 'dispatched';
  if (shipment.cancelled) return 'cancelled';
  return shipment.prepared ? 'prepared' : 'waiting';
}

type Outcome = Pick<OrderView['requests'][number], 'outcome' | 'reason'>;

/** What became of a request; it is moot when the order ended before anybody had to answer. */
export function outcomeOf(order: Order, request: ChangeRequest): Outcome {
  const answer =
    request.kind === 'cancellation' ? cancellationAnswer(order) : addressAnswer(order, request.revision);
  return answer ?? { outcome: isOver(order) ? 'moot' : 'pending' };
}

function cancellationAnswer({ shipment }: Order): Outcome | undefined {
  if (shipment.cancelled?.reason === 'requested') return { outcome: 'accepted' };
  const { cancellationRefused } = shipment;
  return cancellationRefused && { outcome: 'refused', reason: cancellationRefused.reason };
}

function addressAnswer(order: Order, revision: number): Outcome | undefined {
  const { readdressed, addressRefused, dispatched } = order.shipment;
  const current = addressRevisionOf(order);
  if (readdressed.includes(revision) || current === revision) return { outcome: 'accepted' };
  const refusal = addressRefused.find((entry) => entry.revision === revision);
  if (refusal) return { outcome: 'refused', reason: refusal.reason };
  if (current > revision) return { outcome: 'superseded' };
  // What it left for stood on its label: no later word can be another one.
  return dispatched && { outcome: 'refused', reason: 'already_dispatched' };
}
