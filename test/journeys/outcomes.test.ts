import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newAddress } from '../support/customer.ts';
import { openShop, shipmentIdOf, type TestShop } from '../support/shop.ts';

const ROPE = 'TW-ROPE-10';

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

  async function moneyOf(orderId: string): Promise<Record<string, number>> {
    const { status, body } = await shop.staff('payment', 'GET', `/api/payments/${orderId}`);
    expect(status).toBe(200);
    const { authorized, captured, voided, refunded } = body;
    return { authorized, captured, voided, refunded };
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
    await shop.settle();
    expect(await moneyOf(id)).toEqual({
      authorized: total.amount,
      captured: total.amount,
      voided: 0,
      refunded: 0,
    });
    expect(await level()).toMatchObject({ onHand: before.onHand - 2, reserved: before.reserved });
  });

  it.each([['tok_declined'], ['tok_insufficient'], ['tok_unheard_of']])(
    'declined (%s): nothing is taken, the goods are back, no parcel',
    async (paymentToken) => {
      const before = await level();
      const ada = shop.customer();
      const id = await ada.place({ paymentToken });
      const order = await ada.waitFor(id, 'rejected');
      await shop.settle();
      expect(order.reason).toBeTruthy();
      expect(await moneyOf(id)).toEqual({ authorized: 0, captured: 0, voided: 0, refunded: 0 });
      expect(await level()).toMatchObject({ onHand: before.onHand, reserved: before.reserved });
      expect(await shop.shipmentOf(id)).toMatchObject({ state: 'closed' });
      expect((await dispatch(id)).status).toBe(409);
    },
  );

  it('out of stock: rejected, and the money that was held is let go', async () => {
    const ada = shop.customer();
    const id = await ada.place({ lines: [{ sku: ROPE, quantity: 1000 }] });
    await ada.waitFor(id, 'rejected');
    await shop.settle();
    const { authorized, captured, voided } = await moneyOf(id);
    expect([captured, voided]).toEqual([0, authorized]);
    expect(await shop.shipmentOf(id)).toMatchObject({ state: 'closed' });
  });

  it('cancelled after the payment: voided, released, no parcel', async () => {
    const before = await level();
    const ada = shop.customer();
    const id = await ada.place();
    await ada.waitFor(id, 'confirmed');
    expect((await ada.cancel(id)).status).toBe(202);
    const order = await ada.waitFor(id, 'cancelled');
    await shop.settle();
    expect(order.requests).toMatchObject([{ kind: 'cancellation', outcome: 'accepted' }]);
    const { authorized, captured, voided } = await moneyOf(id);
    expect([captured, voided]).toEqual([0, authorized]);
    expect(await level()).toMatchObject({ onHand: before.onHand, reserved: before.reserved });
    expect((await dispatch(id)).status).toBe(409);
  });

  it('cancelled before the payment is heard of: whatever was held is let go', async () => {
    const before = await level();
    const ada = shop.customer();
    const id = await ada.place({ paymentToken: 'tok_slow' });
    expect((await ada.cancel(id)).status).toBe(202);
    await ada.waitFor(id, 'cancelled');
    await shop.settle();
    const { authorized, captured, voided } = await moneyOf(id);
    expect([captured, voided]).toEqual([0, authorized]);
    expect(await level()).toMatchObject({ onHand: before.onHand, reserved: before.reserved });
  });

  it('cancel against dispatch: one of them wins everywhere', async () => {
    for (let round = 0; round < 5; round += 1) {
      const ada = shop.customer();
      const id = await ada.place();
      await ada.waitFor(id, 'confirmed');
      await shop.settle();
      const [, dispatched] = await Promise.all([ada.cancel(id), dispatch(id)]);
      const order = await ada.waitFor(id, 'shipped', 'cancelled');
      await shop.settle();
      const left = dispatched.status === 200;
      expect(order.status).toBe(left ? 'shipped' : 'cancelled');
      const { authorized, captured, voided } = await moneyOf(id);
      expect([captured, voided]).toEqual(left ? [authorized, 0] : [0, authorized]);
    }
  });

  it('address change against dispatch: the parcel goes where the order says it goes', async () => {
    for (let round = 0; round < 5; round += 1) {
      const ada = shop.customer();
      const id = await ada.place();
      await ada.waitFor(id, 'confirmed');
      await shop.settle();
      await Promise.all([ada.moveTo(newAddress), dispatch(id)]);
      await shop.settle();
      const shipment = await shop.shipmentOf(id);
      const { body: order } = await ada.order(id);
      const accepted = shipment.address.line1 === newAddress.line1;
      expect(order.shipment.address.line1).toBe(shipment.address.line1);
      expect(order.requests).toMatchObject([{ kind: 'address', outcome: accepted ? 'accepted' : 'refused' }]);
    }
  });

  it('a first gateway answer that is lost: asked again under the same key, charged once', async () => {
    const ada = shop.customer();
    const id = await ada.place({ paymentToken: 'tok_lost' });
    const { total } = await ada.waitFor(id, 'confirmed');
    await shop.settle();
    await dispatch(id);
    await ada.waitFor(id, 'shipped');
    await shop.settle();
    expect(await moneyOf(id)).toEqual({
      authorized: total.amount,
      captured: total.amount,
      voided: 0,
      refunded: 0,
    });
  });
});
