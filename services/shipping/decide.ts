import type { Fact } from '../../platform/contract.ts';
import { shipmentIdOf } from '../../events/ids.ts';
import {
  stateOf,
  type CancelReason,
  type Decision,
  type Emits,
  type Line,
  type Shipment,
} from './shipment.ts';
import { trackingNumberOf } from './tracking.ts';

export function newShipment(orderId: string, customerId: string, now: string): Shipment {
  return { orderId, customerId, version: 0, heardAt: now, authorized: false, reserved: false, refused: [] };
}

export function placed(shipment: Shipment, lines: readonly Line[], now: string): Decision {
  if (shipment.lines) return { shipment, ignored: 'placed already' };
  return proceed({ ...shipment, lines }, now);
}

export function authorized(shipment: Shipment, now: string): Decision {
  if (shipment.authorized) return { shipment, ignored: 'authorized already' };
  return proceed({ ...shipment, authorized: true }, now);
}

export function reserved(shipment: Shipment, now: string): Decision {
  if (shipment.reserved) return { shipment, ignored: 'reserved already' };
  return proceed({ ...shipment, reserved: true }, now);
}

/** It will never be paid, or never be in stock. Whoever said so has told the others too. */
export function close(shipment: Shipment, reason: NonNullable<Shipment['closed']>): Decision {
  if (shipment.closed !== undefined) return { shipment, ignored: `closed already: ${shipment.closed}` };
  return { shipment: { ...shipment, closed: reason } };
}

/** The customer wants out: granted until the parcel has left. */
export function cancellationRequested(shipment: Shipment, now: string): Decision {
  if (shipment.dispatchedAt === undefined) return cancel(shipment, 'requested', now);
  if (shipment.cancellationRefused) return { shipment, ignored: 'refused already' };
  const data = { ...idsOf(shipment), reason: 'already_dispatched' } as const;
  return {
    shipment: { ...shipment, cancellationRefused: true },
    emit: [{ event: 'shipment.cancellationrefused', data }],
  };
}

/**
 * The storefront had not heard in time that the order was confirmed. A parcel that is prepared was: the word of it is
 * on its way, or waits for a storefront that was away.
 */
export function orderExpired(shipment: Shipment, now: string): Decision {
  if (stateOf(shipment) === 'prepared') return { shipment, ignored: 'confirmed in time' };
  return cancel(shipment, 'order_expired', now);
}

/** The goods were set aside for too long. Paid for meanwhile, the order lives: inventory hears of the payment too. */
export function reservationExpired(shipment: Shipment, now: string): Decision {
  if (shipment.authorized) return { shipment, ignored: 'paid for meanwhile' };
  return cancel(shipment, 'reservation_expired', now);
}

/** The money that is held will soon not be held any more. */
export function paymentLapsed(shipment: Shipment, now: string): Decision {
  return cancel(shipment, 'payment_lapsed', now);
}

/** The parcel is handed over; from here on nothing about it is changed. */
export function dispatch(shipment: Shipment, now: string): Decision {
  const { label, destination } = shipment;
  if (stateOf(shipment) !== 'prepared' || !label || !destination) {
    return { shipment, ignored: `it is ${stateOf(shipment)}` };
  }
  const data = {
    ...idsOf(shipment),
    trackingNumber: label.trackingNumber,
    addressRevision: destination.revision,
    dispatchedAt: now,
  };
  return { shipment: { ...shipment, dispatchedAt: now }, emit: [{ event: 'shipment.dispatched', data }] };
}

export function deliver(shipment: Shipment, now: string): Decision {
  if (stateOf(shipment) !== 'dispatched') return { shipment, ignored: `it is ${stateOf(shipment)}` };
  const data = { ...idsOf(shipment), deliveredAt: now };
  return { shipment: { ...shipment, deliveredAt: now }, emit: [{ event: 'shipment.delivered', data }] };
}

/** Packs and labels the parcel as soon as everything is there that it needs. */
export function proceed(shipment: Shipment, now: string): Decision {
  const { lines, destination, authorized: paid, reserved: inStock, orderId } = shipment;
  if (!lines || !destination || !paid || !inStock || stateOf(shipment) !== 'waiting') return { shipment };
  const trackingNumber = trackingNumberOf(orderId);
  const prepared: Fact<Emits> = {
    event: 'shipment.prepared',
    data: { ...idsOf(shipment), trackingNumber, addressRevision: destination.revision },
  };
  return {
    shipment: { ...shipment, label: { trackingNumber, preparedAt: now } },
    labelled: true,
    emit: [prepared],
  };
}

function cancel(shipment: Shipment, reason: CancelReason, now: string): Decision {
  const state = stateOf(shipment);
  if (state !== 'waiting' && state !== 'prepared') return { shipment, ignored: `it is ${state}` };
  const data = { ...idsOf(shipment), reason };
  return {
    shipment: { ...shipment, cancelled: reason, cancelledAt: now },
    emit: [{ event: 'shipment.cancelled', data }],
  };
}

export function idsOf({ orderId, customerId }: Shipment): {
  orderId: string;
  customerId: string;
  shipmentId: string;
} {
  return { orderId, customerId, shipmentId: shipmentIdOf(orderId) };
}
