import { describe, expect, it } from '@jest/globals';
import * as decide from '../../../services/shipping/decide.ts';
import { addressed } from '../../../services/shipping/readdress.ts';
import { stateOf, type Decision, type Shipment, type State } from '../../../services/shipping/shipment.ts';
import { addressOf } from './parcels.ts';

const NOW = '2026-11-24T10:00:00.000Z';
const ids = { orderId: 'TW-4Q7K2M9XJ3PA', customerId: 'cus-1', shipmentId: 'SHP-4Q7K2M9XJ3PA' };
const label = { trackingNumber: 'TW4Q7K2M9XJ3PA6', preparedAt: NOW };
type Step = (shipment: Shipment) => Decision;

const facts = {
  placed: (shipment) => decide.placed(shipment, [{ sku: 'rope', name: 'Rope', quantity: 2 }], NOW),
  addressed: (shipment) =>
    addressed(shipment, { revision: 1, zone: 'domestic', address: addressOf(1) }, [], NOW),
  authorized: (shipment) => decide.authorized(shipment, NOW),
  reserved: (shipment) => decide.reserved(shipment, NOW),
  declined: (shipment) => decide.close(shipment, 'payment_declined'),
  outOfStock: (shipment) => decide.close(shipment, 'out_of_stock'),
  requested: (shipment) => decide.cancellationRequested(shipment, NOW),
  orderExpired: (shipment) => decide.orderExpired(shipment, NOW),
  stockExpired: (shipment) => decide.reservationExpired(shipment, NOW),
  lapsed: (shipment) => decide.paymentLapsed(shipment, NOW),
  dispatch: (shipment) => decide.dispatch(shipment, NOW),
  deliver: (shipment) => decide.deliver(shipment, NOW),
} satisfies Record<string, Step>;
type FactName = keyof typeof facts;

const COMPLETE: readonly FactName[] = ['placed', 'addressed', 'authorized', 'reserved'];

function given(...names: readonly FactName[]): Shipment {
  return names.reduce<Shipment>(
    (shipment, name) => facts[name](shipment).shipment,
    decide.newShipment(ids.orderId, ids.customerId, NOW),
  );
}

/** Without the parts that are what they were. */
function when(shipment: Shipment, name: FactName) {
  const { shipment: after, emit = [], ignored } = facts[name](shipment);
  return { state: stateOf(after), emit, ignored };
}

describe('a parcel', () => {
  const orders = COMPLETE.flatMap((a) =>
    COMPLETE.flatMap((b) => COMPLETE.flatMap((c) => COMPLETE.map((d) => [a, b, c, d] as const))),
  ).filter((order) => new Set(order).size === COMPLETE.length);

  it.each(orders)('is prepared by the last of %s, %s, %s and %s', (...order) => {
    const last = order[3];
    const before = given(...order.slice(0, 3));
    expect(stateOf(before)).toBe('waiting');
    expect(when(before, last)).toEqual({
      state: 'prepared',
      emit: [
        {
          event: 'shipment.prepared',
          data: { ...ids, trackingNumber: label.trackingNumber, addressRevision: 1 },
        },
      ],
    });
  });

  it.each(COMPLETE)('hears %s a second time without a change', (name) => {
    const { shipment, ignored, emit } = facts[name](given(...COMPLETE));
    expect([shipment, emit]).toEqual([given(...COMPLETE), undefined]);
    expect(ignored).toBe(`${name} already`);
  });

  it('leaves once, with the tracking number and the address that stand on its label', () => {
    const data = { ...ids, trackingNumber: label.trackingNumber, addressRevision: 1, dispatchedAt: NOW };
    expect(when(given(...COMPLETE), 'dispatch')).toEqual({
      state: 'dispatched',
      emit: [{ event: 'shipment.dispatched', data }],
    });
    expect(when(given(...COMPLETE, 'dispatch'), 'dispatch')).toEqual({
      state: 'dispatched',
      emit: [],
      ignored: 'it is dispatched',
    });
  });

  it('arrives once, and only after it has left', () => {
    const emit = [{ event: 'shipment.delivered', data: { ...ids, deliveredAt: NOW } }];
    expect(when(given(...COMPLETE, 'dispatch'), 'deliver')).toEqual({ state: 'delivered', emit });
    expect(when(given(...COMPLETE), 'deliver')).toMatchObject({ state: 'prepared', emit: [] });
    expect(when(given(...COMPLETE, 'dispatch', 'deliver'), 'deliver')).toMatchObject({ emit: [] });
  });

  it.each(['declined', 'outOfStock'] as const)('is closed without a word when the order is %s', (name) => {
    expect(when(given('placed', 'addressed'), name)).toEqual({ state: 'closed', emit: [] });
    expect(when(given(name), 'placed')).toEqual({ state: 'closed', emit: [] });
  });
});

describe('who wants a parcel stopped', () => {
  const stopped: readonly [FactName, string][] = [
    ['requested', 'requested'],
    ['orderExpired', 'order_expired'],
    ['stockExpired', 'reservation_expired'],
    ['lapsed', 'payment_lapsed'],
  ];

  it.each(stopped)('%s stops one that was never heard of, and it never starts then', (name, reason) => {
    const emit = [{ event: 'shipment.cancelled', data: { ...ids, reason } }];
    expect(when(given(), name)).toEqual({ state: 'cancelled', emit });
    const late = given(name, ...COMPLETE);
    expect([stateOf(late), late.label]).toEqual(['cancelled', undefined]);
    expect(when(late, 'dispatch')).toMatchObject({ state: 'cancelled', emit: [] });
  });

  it.each(['requested', 'lapsed'] as const)('%s stops a prepared one', (name) => {
    expect(when(given(...COMPLETE), name)).toMatchObject({
      state: 'cancelled',
      emit: [{ event: 'shipment.cancelled' }],
    });
  });

  it('orderExpired does not stop a prepared one: the storefront had only not heard of it', () => {
    expect(when(given(...COMPLETE), 'orderExpired')).toEqual({
      state: 'prepared',
      emit: [],
      ignored: 'confirmed in time',
    });
  });

  it('stockExpired does not stop one that was paid for meanwhile', () => {
    expect(when(given('placed', 'authorized'), 'stockExpired')).toEqual({
      state: 'waiting',
      emit: [],
      ignored: 'paid for meanwhile',
    });
  });

  it.each(stopped)('%s changes nothing about one that is cancelled or closed', (name) => {
    for (const over of ['requested', 'orderExpired', 'declined', 'outOfStock'] as const) {
      const state: State = over === 'declined' || over === 'outOfStock' ? 'closed' : 'cancelled';
      expect(when(given('placed', over), name)).toEqual({ state, emit: [], ignored: `it is ${state}` });
    }
  });

  it.each(['dispatch', 'deliver'] as const)('comes too late after %s: told so once', (last) => {
    const gone = last === 'dispatch' ? given(...COMPLETE, last) : given(...COMPLETE, 'dispatch', last);
    const refused = { event: 'shipment.cancellationrefused', data: { ...ids, reason: 'already_dispatched' } };
    expect(when(gone, 'requested')).toMatchObject({ state: stateOf(gone), emit: [refused] });
    const told = facts.requested(gone).shipment;
    expect(when(told, 'requested')).toMatchObject({ emit: [], ignored: 'refused already' });
    for (const name of ['orderExpired', 'stockExpired', 'lapsed'] as const) {
      expect(when(gone, name)).toMatchObject({ state: stateOf(gone), emit: [] });
    }
  });
});
