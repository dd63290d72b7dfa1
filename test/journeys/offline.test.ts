import { afterEach, describe, expect, it } from '@jest/globals';
import { newAddress } from '../support/customer.ts';
import { openShop, shipmentIdOf, type TestShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** A service that is away gets later what it missed: nobody waits for it, and nobody has to help it. */
describe('a service that is offline', () => {
  let shop: TestShop;
  afterEach(async () => {
    await shop[Symbol.asyncDispose]();
  });

  it('shipping: the parcel leaves for the changed address all the same', async () => {
    shop = await openShop();
    await shop.shop.stop('shipping');
    const ada = shop.customer();
    const id = await ada.place();
    expect((await ada.moveTo(newAddress)).status).toBe(202);
    await ada.waitFor(id, 'confirmed');
    await shop.shop.start('shipping');
    const back = performance.now();
    await until('the parcel is prepared', async () => (await shop.shipmentOf(id)).state === 'prepared');
    expect(performance.now() - back).toBeLessThan(2000);
    await shop.settle();
    expect(await shop.shipmentOf(id)).toMatchObject({ address: newAddress, addressRevision: 2 });
    await shop.staff('shipping', 'POST', `/api/shipments/${shipmentIdOf(id)}/dispatch`);
    const { shipment } = await ada.waitFor(id, 'shipped');
    expect(shipment.address).toEqual(newAddress);
  });

  it.each(['payment', 'inventory'])(
    '%s: the order waits, and is confirmed after its return',
    async (name) => {
      shop = await openShop();
      await shop.shop.stop(name);
      const ada = shop.customer();
      const id = await ada.place();
      await until('the others have done their part', async () => {
        const { body } = await ada.order(id);
        return body.status === 'placed' && (await shop.shipmentOf(id)).state === 'waiting';
      });
      await shop.shop.start(name);
      await ada.waitFor(id, 'confirmed');
    },
  );

  it('storefront: what happened meanwhile is in the order when it is back', async () => {
    shop = await openShop({ autoDispatch: '1s' });
    const ada = shop.customer();
    const id = await ada.place();
    await ada.waitFor(id, 'confirmed');
    await shop.shop.stop('storefront');
    await until('the parcel has left', async () => (await shop.shipmentOf(id)).state === 'dispatched');
    await shop.shop.start('storefront');
    await ada.waitFor(id, 'shipped');
  });

  it('payment for longer than the order waits: expired, nothing taken, nothing set aside', async () => {
    shop = await openShop({ env: { ORDER_DEADLINE: '300ms' } });
    await shop.shop.stop('payment');
    const ada = shop.customer();
    const id = await ada.place();
    await ada.waitFor(id, 'expired');
    await shop.shop.start('payment');
    await shop.settle();
    const { body: payment } = await shop.staff('payment', 'GET', `/api/payments/${id}`);
    expect(payment).toMatchObject({ captured: 0, voided: payment.authorized, refunded: 0 });
    const { body: stock } = await shop.staff('inventory', 'GET', '/api/stock');
    expect(stock.items.filter((item: { reserved: number }) => item.reserved !== 0)).toEqual([]);
    expect(await shop.shipmentOf(id)).toMatchObject({ state: 'cancelled' });
    // Whether it asked the gateway depends on which event of several waiting ones came to it first.
    const { body: order } = await ada.order(id);
    expect(order.payment.status).toBe(payment.authorized > 0 ? 'voided' : 'not_charged');
  });

  it('payment with an authorization that lapses: renewed at capture, taken once', async () => {
    shop = await openShop({ env: { SIMULATOR_SHORT_HOLD: '100ms' } });
    const ada = shop.customer();
    const id = await ada.place({ paymentToken: 'tok_expires' });
    const { total } = await ada.waitFor(id, 'confirmed');
    await shop.settle();
    const { body: held } = await shop.staff('payment', 'GET', `/api/payments/${id}`);
    await until('the hold has ended', () => Date.now() > Date.parse(held.entries[0].at) + 100);
    await shop.staff('shipping', 'POST', `/api/shipments/${shipmentIdOf(id)}/dispatch`);
    await ada.waitFor(id, 'shipped');
    await shop.settle();
    const { body } = await shop.staff('payment', 'GET', `/api/payments/${id}`);
    expect(body.lapsed).toBeGreaterThan(0);
    expect(body).toMatchObject({ captured: total.amount, voided: 0, refunded: 0 });
    expect(body.authorized - body.lapsed).toBe(total.amount);
  });
});
