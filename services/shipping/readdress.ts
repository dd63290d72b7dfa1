import type { Fact } from '../../platform/contract.ts';
import { idsOf, proceed } from './decide.ts';
import { stateOf, type Decision, type Destination, type Emits, type Shipment } from './shipment.ts';

/**
 * Where the order goes, as it was placed; then every change the customer has made since, in their order, because a
 * change may come before its order.
 */
export function addressed(
  shipment: Shipment,
  destination: Destination,
  changes: readonly Destination[],
  now: string,
): Decision {
  if (shipment.destination) return { shipment, ignored: 'addressed already' };
  let decision: Decision = { shipment: { ...shipment, destination, paidZone: destination.zone } };
  for (const change of changes) {
    const next = changeAddress(decision.shipment, change);
    if (next.ignored === undefined)
      decision = { ...next, emit: [...(decision.emit ?? []), ...(next.emit ?? [])] };
  }
  const next = proceed(decision.shipment, now);
  return { ...next, emit: [...(decision.emit ?? []), ...(next.emit ?? [])] };
}

/** A changed address. The highest revision that fits wins, in whatever order the changes come. */
export function changeAddress(shipment: Shipment, change: Destination): Decision {
  const { destination, paidZone, refused } = shipment;
  if (!destination) return { shipment, ignored: 'its order has not come yet: the change is kept' };
  if (change.revision <= destination.revision) return { shipment, ignored: 'an older revision' };
  if (refused.includes(change.revision)) return { shipment, ignored: 'refused already' };
  const state = stateOf(shipment);
  if (state === 'closed') return { shipment, ignored: `it is ${state}` };
  if (state === 'dispatched' || state === 'delivered') return refuse(shipment, change, 'already_dispatched');
  if (state === 'cancelled') return refuse(shipment, change, 'cancelled');
  if (change.zone !== paidZone) return refuse(shipment, change, 'other_fee_zone');
  return accept(shipment, change);
}

/** More than a customer changes while one parcel waits; the inbox and the kept changes know repeats as well. */
const MAX_REFUSED = 50;

function accept(shipment: Shipment, destination: Destination): Decision {
  const relabelled = shipment.label !== undefined;
  const data = { ...idsOf(shipment), revision: destination.revision, relabelled };
  return {
    shipment: {
      ...shipment,
      destination,
      refused: shipment.refused.filter((one) => one > destination.revision),
    },
    labelled: relabelled,
    emit: [{ event: 'shipment.readdressed', data }],
  };
}

type Refusal = Extract<Fact<Emits>, { event: 'shipment.addressrefused' }>['data']['reason'];

function refuse(shipment: Shipment, { revision }: Destination, reason: Refusal): Decision {
  const data = { ...idsOf(shipment), revision, reason };
  return {
    shipment: { ...shipment, refused: [...shipment.refused, revision].slice(-MAX_REFUSED) },
    emit: [{ event: 'shipment.addressrefused', data }],
  };
}
