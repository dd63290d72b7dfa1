import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newAddress, type Customer } from '../support/customer.ts';
import type { Answer } from '../support/service.ts';
import { openShop, shipmentIdOf, type TestShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const ROPE = 'TW-ROPE-10';

interface Money {
  readonly authorized: number;
  readonly captured: number;
  readonly voided: number;
  readonly refunded: number;
  readonly customerSees: string;
}

const nothing = { authorized: 0, captured: 0, voided: 0, refunded: 0 };
const taken = (amount: number): Money => ({
  ...nothing,
  authorized: amount,
  captured: amount,
  customerSees: 'captured',
});
const letGo = (amount: number): Money => ({
  ...nothing,
  authorized: amount,
  voided: amount,
  customerSees: 'voided',
});

/**
 * Plays a race over and over, the second runner ever closer to where it begins to lose: early enough to win first, too
 * late next, and then half-way between a win and a loss.
 * @param play races with the second runner so many milliseconds after the first. @returns whether the first one won
 */
async function race(play: (delayMs: number) => Promise<boolean>): Promise<void> {
  let [early, late] = [-20, 300];
  // How far that is depends on the machine, and on how often replicas look for each other's events.
  while (await play(early)) expect((early *= 2)).toBeGreaterThan(-10_000);
  while (!(await play(late))) expect((late *= 2)).toBeLessThan(10_000);
  for (let round = 0; round < 5; round += 1) {
    const delay = (early + late) / 2;
    if (await play(delay)) late = delay;
    else early = delay;
  }
}

/** Starts both, the second so many milliseconds after the first, or before it. */
async function both<A, B>(
  first: () => Promise<A>,
  second: () => Promise<B>,
  delayMs: number,
): Promise<[A, B]> {
  return Promise.all([after(-delayMs, first), after(delayMs, second)]);
}

async function after<T>(ms: number, work: () => Promise<T>): Promise<T> {
  if (ms > 0) await pause(ms);
  return work();
}

/** Every end an order can come to: the same story in all four services, no money and no goods out of balance. */
describe('an order ends consistently everywhere', () => {
  let shop: TestShop;
  beforeAll(async () => {
    shop = await openShop({ env: { GATEWAY_TIMEOUT: '500ms', ORDER_DEADLINE: '1h' } });
  });
  afterAll(async () => {
    await shop[Symbol.asyncDispose]();
  });

  async function level(sku = ROPE): Promise<{ onHand: number; reserved: number; available: number }> {
    const { body } = await shop.staff('inventory', 'GET', '/api/stock');
    return body.items.find((item: { sku: string }) => item.sku === sku);
  }

  async function paymentOf(orderId: string): Promise<Answer['body']> {
    const { body } = await shop.staff('payment', 'GET', `/api/payments/${orderId}`);
    return body;
  }

  /** What payment's books and the customer's order say of the money, when nothing waits any more. */
  async function moneyOf(ada: Customer, orderId: string): Promise<Money> {
    await shop.settle();
    const { authorized, captured, voided, refunded } = await paymentOf(orderId);
    const { body: order } = await ada.order(orderId);
    return { authorized, captured, voided, refunded, customerSees: order.payment.status };
  }

  function dispatch(orderId: string): Promise<{ status: number }> {
    return shop.staff('shipping', 'POST', `/api/shipments/${shipmentIdOf(orderId)}/dispatch`);
  }

  it('delivered: the money is taken once, the goods are gone', async () => {
    const before = await level();
    const ada = shop.customer();
    const id = await ada.place();
    const { total } = await ada.waitFor(id, 'confirmed');
    await shop.settle();
    expect((await dispatch(id)).status).toBe(200);
    await ada.waitFor(id, 'shipped');
    expect((await dispatch(id)).status).toBe(200);
    await shop.staff('shipping', 'POST', `/api/shipments/${shipmentIdOf(id)}/delivery`);
    await ada.waitFor(id, 'delivered');
    expect(await moneyOf(ada, id)).toEqual(taken(total.amount));
    expect(await level()).toMatchObject({ onHand: before.onHand - 2, reserved: before.reserved });
  });

  it.each([['tok_declined'], ['tok_insufficient'], ['tok_unheard_of']])(
    'declined (%s): nothing is taken, the goods are back, no parcel',
    async (paymentToken) => {
      const before = await level();
      const ada = shop.customer();
      const id = await ada.place({ paymentToken });
      const order = await ada.waitFor(id, 'rejected');
      expect(order.reason).toBe('payment_declined');
      expect(await moneyOf(ada, id)).toEqual({ ...nothing, customerSees: 'declined' });
      expect(await level()).toMatchObject({ onHand: before.onHand, reserved: before.reserved });
      expect(await shop.shipmentOf(id)).toMatchObject({ state: 'closed' });
      expect((await dispatch(id)).status).toBe(409);
    },
  );

  it('out of stock: rejected, and the money is let go if it was held', async () => {
    const ada = shop.customer();
    const id = await ada.place({ lines: [{ sku: ROPE, quantity: 1000 }] });
    const { total, reason } = await ada.waitFor(id, 'rejected');
    expect(reason).toBe('out_of_stock');
    const money = await moneyOf(ada, id);
    // Payment and inventory hear of the order at the same time: the gateway may not have been asked at all.
    expect(money).toEqual(
      money.authorized > 0 ? letGo(total.amount) : { ...nothing, customerSees: 'not_charged' },
    );
    expect(await shop.shipmentOf(id)).toMatchObject({ state: 'closed' });
  });

  it('out of stock after the payment: the money that was held is let go', async () => {
    await shop.shop.stop('inventory');
    const ada = shop.customer();
    const id = await ada.place({ lines: [{ sku: ROPE, quantity: 1000 }] });
    await until('the money is held', async () => (await paymentOf(id)).status === 'authorized');
    await shop.shop.start('inventory');
    const { total } = await ada.waitFor(id, 'rejected');
    expect(await moneyOf(ada, id)).toEqual(letGo(total.amount));
    expect(await shop.shipmentOf(id)).toMatchObject({ state: 'closed' });
  });

  it('cancelled after the payment: voided, released, no parcel', async () => {
    const before = await level();
    const ada = shop.customer();
    const id = await ada.place();
    const { total } = await ada.waitFor(id, 'confirmed');
    expect((await ada.cancel(id)).status).toBe(202);
    const order = await ada.waitFor(id, 'cancelled');
    expect(order.requests).toMatchObject([{ kind: 'cancellation', outcome: 'accepted' }]);
    expect(await moneyOf(ada, id)).toEqual(letGo(total.amount));
    expect(await level()).toMatchObject({ onHand: before.onHand, reserved: before.reserved });
    expect((await dispatch(id)).status).toBe(409);
  });

  it('cancelled while the gateway is still thinking: let go when it has answered', async () => {
    const before = await level();
    const ada = shop.customer();
    const id = await ada.place({ paymentToken: 'tok_slow' });
    await until('the gateway was asked', async () => (await paymentOf(id)).status === 'authorizing');
    expect((await ada.cancel(id)).status).toBe(202);
    const { total } = await ada.waitFor(id, 'cancelled');
    await until('the gateway has answered', async () => (await paymentOf(id)).status === 'voided');
    expect(await moneyOf(ada, id)).toEqual(letGo(total.amount));
    expect(await level()).toMatchObject({ onHand: before.onHand, reserved: before.reserved });
  });

  it('cancel against dispatch: one of them wins everywhere', async () => {
    await race(async (delayMs) => {
      const ada = shop.customer();
      const id = await ada.place();
      const { total } = await ada.waitFor(id, 'confirmed');
      await shop.settle();
      const [asked, dispatched] = await both(
        () => ada.cancel(id),
        () => dispatch(id),
        delayMs,
      );
      const order = await ada.waitFor(id, 'shipped', 'cancelled');
      const cancelled = dispatched.status === 409;
      expect([dispatched.status, order.status]).toEqual(cancelled ? [409, 'cancelled'] : [200, 'shipped']);
      expect(await moneyOf(ada, id)).toEqual(cancelled ? letGo(total.amount) : taken(total.amount));
      const { body } = await ada.order(id);
      // Told at once that it is too late, when the storefront has heard of the parcel already.
      const outcomes = asked.status === 409 ? [] : [{ outcome: cancelled ? 'accepted' : 'refused' }];
      expect(body.requests).toMatchObject(outcomes);
      return cancelled;
    });
  });

  it('address change against dispatch: the parcel goes where the order says it goes', async () => {
    await race(async (delayMs) => {
      const ada = shop.customer();
      const id = await ada.place();
      await ada.waitFor(id, 'confirmed');
      await shop.settle();
      const [moved, dispatched] = await both(
        () => ada.moveTo(newAddress),
        () => dispatch(id),
        delayMs,
      );
      expect([moved.status, dispatched.status]).toEqual([202, 200]);
      await shop.settle();
      const shipment = await shop.shipmentOf(id);
      const { body: order } = await ada.order(id);
      const accepted = shipment.address.line1 === newAddress.line1;
      expect(order.shipment.address).toEqual(shipment.address);
      expect(order.requests).toMatchObject([
        accepted
          ? { kind: 'address', outcome: 'accepted' }
          : { kind: 'address', outcome: 'refused', reason: 'already_dispatched' },
      ]);
      return accepted;
    });
  });

  it('a first gateway answer that is lost: asked again under the same key, charged once', async () => {
    const ada = shop.customer();
    const id = await ada.place({ paymentToken: 'tok_lost' });
    const { total } = await ada.waitFor(id, 'confirmed');
    await shop.settle();
    await dispatch(id);
    await ada.waitFor(id, 'shipped');
    expect(await moneyOf(ada, id)).toEqual(taken(total.amount));
  });
});
