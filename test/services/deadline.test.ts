import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { orderAddressed } from '../../events/order.ts';
import { paymentAuthorized } from '../../events/payment.ts';
import * as shipments from '../../services/shipping/decide.ts';
import { addressed } from '../../services/shipping/readdress.ts';
import { stateOf, type Decision as Shipped, type Shipment } from '../../services/shipping/shipment.ts';
import * as orders from '../../services/storefront/decide.ts';
import type { Decision, Order } from '../../services/storefront/order.ts';

const at = '2026-11-24T09:30:00.000Z';
const ids = { orderId: 'TW-4Q7K2M9XJ3PA', customerId: 'cus-1' };
const { revision, zone, address } = orderAddressed.example;

const shipping: Readonly<Record<string, (shipment: Shipment) => Shipped>> = {
  placed: (shipment) => shipments.placed(shipment, [{ sku: 'rope', name: 'Rope', quantity: 2 }], at),
  addressed: (shipment) => addressed(shipment, { revision, zone, address }, [], at),
  authorized: (shipment) => shipments.authorized(shipment, at),
  reserved: (shipment) => shipments.reserved(shipment, at),
  'order.expired': (shipment) => shipments.orderExpired(shipment, at),
};

const storefront: Readonly<Record<string, (order: Order, data: never) => Decision>> = {
  authorized: (order) => orders.authorized(order, paymentAuthorized.example),
  reserved: orders.stockReserved,
  deadline: orders.expire,
  'shipment.prepared': orders.prepared,
  'shipment.cancelled': orders.cancelled,
};

interface Message {
  readonly to: 'shipping' | 'storefront';
  readonly what: string;
  readonly data?: unknown;
}

/** Which of the waiting messages comes next, and whether it will come again. */
const pick = fc.record({ nth: fc.nat(), again: fc.boolean() });

describe('the deadline of an order against its confirmation', () => {
  it('ends the same for shipping and for the customer, whatever comes first', () => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(fc.array(pick, { minLength: 14, maxLength: 30 }), (picks) => {
        const { shipment, order, said } = run(picks);
        const state = stateOf(shipment);
        ends.add(state);
        expect(orders.statusOf(order)).toBe(state === 'prepared' ? 'confirmed' : 'expired');
        expect(said.filter((what) => what.startsWith('shipment.'))).toEqual([`shipment.${state}`]);
        expect(said.filter((what) => what === 'order.expired').length).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
    expect(ends).toEqual(new Set(['prepared', 'cancelled']));
  });
});

/** Hands out messages in the order of the picks, then what is left as it came. */
function run(picks: readonly { nth: number; again: boolean }[]) {
  let shipment = shipments.newShipment(ids.orderId, ids.customerId, at);
  let order = newOrder();
  const said: string[] = [];
  const waiting: Message[] = [
    ...['placed', 'addressed', 'authorized', 'reserved'].map((what) => ({ to: 'shipping', what }) as const),
    ...['authorized', 'reserved', 'deadline'].map((what) => ({ to: 'storefront', what }) as const),
  ];
  const send = (to: Message['to'], facts: readonly { event: string; data: unknown }[] = []): void => {
    for (const { event, data } of facts) {
      said.push(event);
      waiting.push({ to, what: event, data });
    }
  };
  const take = ({ to, what, data }: Message): void => {
    if (to === 'shipping') {
      const decision = shipping[what]?.(shipment);
      shipment = decision?.shipment ?? shipment;
      send('storefront', decision?.emit);
      return;
    }
    const decision = storefront[what]?.(order, data as never);
    if (!decision || decision.ignored !== undefined) return;
    order = decision.order;
    send('shipping', decision.emit);
  };
  for (const { nth, again } of picks) {
    const index = nth % waiting.length;
    const [message] = waiting.splice(index, 1);
    if (message) take(message);
    if (message && (again || waiting.length === 0)) waiting.push(message);
  }
  while (waiting.length > 0) waiting.splice(0, 1).forEach(take);
  return { shipment, order, said };
}

function newOrder(): Order {
  return orders.placed({
    ...ids,
    placedAt: at,
    confirmBy: at,
    lines: [],
    currency: 'EUR',
    shippingFee: 0,
    total: 0,
    addressRevision: revision,
  });
}
