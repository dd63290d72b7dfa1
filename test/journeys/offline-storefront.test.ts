import { afterEach, describe, expect, it } from '@jest/globals';
import { openShop, shipmentIdOf, type TestShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const DEADLINE_MS = 3000;

/** The shop works on while nobody sees it. */
describe('a storefront that is offline for longer than its orders may wait', () => {
  let shop: TestShop;
  afterEach(async () => {
    await shop[Symbol.asyncDispose]();
  });

  it('ships what was paid and packed meanwhile, instead of letting it expire', async () => {
    shop = await openShop({ env: { ORDER_DEADLINE: `${DEADLINE_MS}ms` } });
    await shop.shop.stop('payment');
    const ada = shop.customer();
    const id = await ada.place();
    const due = Date.now() + DEADLINE_MS;
    await until(
      'shipping knows where it goes',
      async () => (await shop.shipmentOf(id)).address !== undefined,
    );
    await shop.shop.stop('storefront');
    expect(Date.now()).toBeLessThan(due);
    await shop.shop.start('payment');
    await until('the parcel is prepared', async () => (await shop.shipmentOf(id)).state === 'prepared');
    await until('the deadline has passed', () => Date.now() > due);
    await shop.shop.start('storefront');
    const { total } = await ada.waitFor(id, 'confirmed');
    await shop.settle();
    expect((await ada.order(id)).body.status).toBe('confirmed');
    await shop.staff('shipping', 'POST', `/api/shipments/${shipmentIdOf(id)}/dispatch`);
    expect(await ada.waitFor(id, 'shipped')).not.toHaveProperty('reason');
    await shop.settle();
    const { body } = await shop.staff('payment', 'GET', `/api/payments/${id}`);
    expect(body).toMatchObject({ status: 'captured', captured: total.amount, voided: 0 });
  });
});
