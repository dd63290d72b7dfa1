import type { DataOf } from '../../platform/contract.ts';
import type * as shipment from '../../events/shipment.ts';
import { heardBefore, inWords, isOpen, known, statusOf } from './decide.ts';
import type { ChangeRequest, Decision, Order, ShipmentFacts } from './order.ts';

/** Why an order cannot be cancelled, as far as the storefront knows. Shipping has the last word. */
export function whyNotCancel(order: Order): string | undefined {
  if (order.shipment.cancellationRefused || statusOf(order) === 'shipped') {
    return 'the parcel has left already';
  }
  return isOpen(order) ? undefined : `the order is ${statusOf(order)}`;
}

export function requestCancellation(order: Order, requestedAt: string): Decision {
  if (order.requests.some(({ kind }) => kind === 'cancellation')) return heardBefore;
  const { orderId, customerId } = order;
  return {
    order: { ...order, requests: [...order.requests, { kind: 'cancellation', requestedAt }] },
    text: 'You asked to cancel the order.',
    emit: [{ event: 'order.cancellationrequested', data: { orderId, customerId, requestedAt } }],
  };
}

/** Requests kept per order: the latest address counts, so the oldest of very many can go. */
const MAX_REQUESTS = 50;

export function requestAddress(order: Order, revision: number, requestedAt: string): Decision {
  const requests: ChangeRequest[] = [...order.requests, { kind: 'address', revision, requestedAt }];
  const excess = requests.length > MAX_REQUESTS ? requests.findIndex(({ kind }) => kind === 'address') : -1;
  const kept = requests.filter((_, index) => index !== excess);
  return {
    order: { ...order, requests: kept, shipment: answering(kept, order.shipment) },
    text: 'You asked for the parcel to go to another address.',
  };
}

export function readdressed(order: Order, data: DataOf<typeof shipment.shipmentReaddressed>): Decision {
  const { revision } = data;
  const { readdressed: revisions } = order.shipment;
  if (revisions.includes(revision)) return heardBefore;
  if (!isAsked(order.requests, revision) && revision < Math.max(...revisions, 0)) return unasked;
  const parcel = { ...known(order, data).shipment, readdressed: [...revisions, revision] };
  return {
    order: { ...order, shipment: answering(order.requests, parcel) },
    text: 'The parcel goes to your new address.',
  };
}

export function addressRefused(order: Order, data: DataOf<typeof shipment.shipmentAddressRefused>): Decision {
  const { revision, reason } = data;
  const { addressRefused: refusals } = order.shipment;
  if (refusals.some((refusal) => refusal.revision === revision)) return heardBefore;
  if (!isAsked(order.requests, revision)) return unasked;
  const parcel: ShipmentFacts = {
    ...known(order, data).shipment,
    addressRefused: [...refusals, { revision, reason }],
  };
  return { order: { ...order, shipment: parcel }, text: `The parcel keeps its address: ${inWords(reason)}.` };
}

const unasked: Decision = { ignored: 'answers no request that is kept' };

function isAsked(requests: readonly ChangeRequest[], revision: number): boolean {
  return requests.some((request) => request.kind === 'address' && request.revision === revision);
}

/** Without answers to requests that are not kept; the highest revision stays, because the parcel has that address. */
function answering(requests: readonly ChangeRequest[], parcel: ShipmentFacts): ShipmentFacts {
  const { readdressed: revisions, addressRefused: refusals } = parcel;
  const highest = Math.max(...revisions, 0);
  return {
    ...parcel,
    readdressed: revisions.filter((revision) => revision === highest || isAsked(requests, revision)),
    addressRefused: refusals.filter(({ revision }) => isAsked(requests, revision)),
  };
}
