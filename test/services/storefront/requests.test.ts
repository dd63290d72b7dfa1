import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { paymentDeclined } from '../../../events/payment.ts';
import { shipmentCancelled, shipmentDispatched, shipmentReaddressed } from '../../../events/shipment.ts';
import { homeAddress, newAddress } from '../../support/customer.ts';
import type { Answer, TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';
import { forgetAddresses } from '../../../services/storefront/store.ts';
import { place, startStorefront, viewOf, type Purchase } from './shop.ts';

const DAY_MS = 86_400_000;
const type = (name: string): string => `shop.tradewind.${name}.v1`;

describe('what a customer asks for', () => {
  let shop: TestService;
  beforeEach(async () => {
    shop = await startStorefront();
  });
  afterEach(() => shop.close());

  const withCookie = (method: string, path: string, cookie: string, body?: unknown): Promise<Answer> =>
    shop.call(method, path, { headers: { cookie }, ...(body === undefined ? {} : { body }) });

  const cancel = ({ id, cookie }: Purchase): Promise<Answer> =>
    withCookie('POST', `/api/orders/${id}/cancellation`, cookie);

  describe('PUT /api/me/shipping-address', () => {
    it.each([newAddress, {}, '{', undefined])('needs a session, whatever is sent (%#)', async (body) => {
      const options = body === undefined ? {} : { body };
      expect((await shop.call('PUT', '/api/me/shipping-address', options)).status).toBe(401);
    });

    it('issues the next revision, and asks for it on every open order', async () => {
      const open = await place(shop);
      const over = await place(shop, {}, open.cookie);
      await shop.deliver(paymentDeclined, { ...paymentDeclined.example, ...over.paid });
      const answer = await withCookie('PUT', '/api/me/shipping-address', open.cookie, newAddress);
      expect([answer.status, answer.body]).toEqual([202, { revision: 3 }]);
      await shop.settle();
      expect(shop.sink.ofType(type('customer.updated')).at(-1)).toMatchObject({
        change: 'shippingaddress',
        dataclassification: 'confidential',
        data: { customerId: open.customerId, revision: 3, zone: 'domestic', address: newAddress },
      });
      expect(await viewOf(shop, open)).toMatchObject({
        shipment: { address: homeAddress },
        requests: [{ kind: 'address', revision: 3, outcome: 'pending' }],
      });
      expect((await viewOf(shop, over)).requests).toEqual([]);
    });

    it('is nothing to orders that left long ago', async () => {
      const order = await place(shop);
      await shop.deliver(shipmentDispatched, { ...shipmentDispatched.example, ...order.sent });
      await shop.advance(31 * DAY_MS);
      await withCookie('PUT', '/api/me/shipping-address', order.cookie, newAddress);
      expect((await viewOf(shop, order)).requests).toEqual([]);
    });

    it('is forgotten with every other after ninety days, when no parcel has still to leave', async () => {
      const waiting = await place(shop);
      const gone = await place(shop);
      await shop.deliver(shipmentDispatched, {
        ...shipmentDispatched.example,
        ...gone.sent,
        addressRevision: 1,
      });
      await withCookie('PUT', '/api/me/shipping-address', gone.cookie, newAddress);
      await shop.advance(89 * DAY_MS);
      expect((await viewOf(shop, gone)).shipment).toMatchObject({ address: homeAddress });
      await shop.advance(DAY_MS);
      await shop.advance(DAY_MS);
      expect((await viewOf(shop, gone)).shipment).toMatchObject({ state: 'dispatched', addressRevision: 1 });
      expect((await viewOf(shop, gone)).shipment).not.toHaveProperty('address');
      expect((await viewOf(shop, waiting)).shipment).toMatchObject({ address: homeAddress });
      const left = await shop.service.store.read.all('select customer_id from addresses');
      expect(left).toEqual([{ customer_id: waiting.customerId }]);
    });

    it('is forgotten a bounded number at a time, until none is left', async () => {
      await shop.settle();
      await shop.service.store.write(async (tx) => {
        for (let n = 1; n <= 2500; n += 1) {
          await tx.run(
            `insert into addresses (customer_id, revision, address, added_at) values ('cus-old', $1, '{}', $2)`,
            n,
            '2020-01-01T00:00:00.000Z',
          );
        }
      });
      const { store } = shop.service;
      const left = () => store.read.all('select revision from addresses');
      expect(await store.write((tx) => forgetAddresses(tx, new Date('2020-02-01')))).toBe(true);
      expect(await left()).toHaveLength(1500);
      await shop.advance(DAY_MS);
      await until('they are all gone', async () => {
        await shop.advance(1000);
        return (await left()).length === 0;
      });
    });

    it('shows the new address when shipping has taken it over', async () => {
      const order = await place(shop);
      await withCookie('PUT', '/api/me/shipping-address', order.cookie, newAddress);
      await shop.deliver(shipmentReaddressed, { ...order.sent, revision: 2, relabelled: false });
      expect(await viewOf(shop, order)).toMatchObject({
        shipment: { address: newAddress, addressRevision: 2 },
        requests: [{ revision: 2, outcome: 'accepted' }],
      });
    });
  });

  describe('POST /api/orders/:id/cancellation', () => {
    it('asks shipping once, however often the customer asks', async () => {
      const order = await place(shop);
      for (let n = 0; n < 3; n += 1) {
        const { status, body } = await cancel(order);
        expect(status).toBe(202);
        expect(body).toMatchObject({ kind: 'cancellation', outcome: 'pending' });
      }
      await shop.settle();
      expect(shop.sink.ofType(type('order.cancellationrequested'))).toMatchObject([{ data: order.ids }]);
      await shop.deliver(shipmentCancelled, { ...order.sent, reason: 'requested' });
      expect(await viewOf(shop, order)).toMatchObject({
        status: 'cancelled',
        reason: 'requested',
        requests: [{ kind: 'cancellation', outcome: 'accepted' }],
      });
    });

    it('comes too late when the parcel has left or the order is over', async () => {
      const sent = await place(shop);
      await shop.deliver(shipmentDispatched, { ...shipmentDispatched.example, ...sent.sent });
      expect(await cancel(sent)).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('has left already') },
      });
      const over = await place(shop);
      await shop.deliver(paymentDeclined, { ...paymentDeclined.example, ...over.paid });
      expect(await cancel(over)).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('rejected') },
      });
      await shop.settle();
      expect(shop.sink.ofType(type('order.cancellationrequested'))).toEqual([]);
    });
  });
});
