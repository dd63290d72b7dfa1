import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { paymentAuthorized, paymentDeclined } from '../../../events/payment.ts';
import {
  shipmentCancelled,
  shipmentDelivered,
  shipmentDispatched,
  shipmentPrepared,
} from '../../../events/shipment.ts';
import { stockReserved } from '../../../events/stock.ts';
import { homeAddress } from '../../support/customer.ts';
import type { Answer, TestService } from '../../support/service.ts';
import { place, startStorefront, viewOf, type Purchase } from './shop.ts';

const type = (name: string): string => `shop.tradewind.${name}.v1`;

describe('orders', () => {
  let shop: TestService;
  beforeEach(async () => {
    shop = await startStorefront();
  });
  afterEach(() => shop.close());

  const withCookie = (method: string, path: string, cookie: string, body?: unknown): Promise<Answer> =>
    shop.call(method, path, { headers: { cookie }, ...(body === undefined ? {} : { body }) });

  async function confirm({ ids, paid }: Purchase): Promise<void> {
    await shop.deliver(paymentAuthorized, { ...paymentAuthorized.example, ...paid });
    await shop.deliver(stockReserved, { ...stockReserved.example, ...ids });
  }

  describe('an order', () => {
    it('goes from placed to delivered, and shows payment, parcel and address on the way', async () => {
      const order = await place(shop);
      expect(await viewOf(shop, order)).toMatchObject({
        id: order.id,
        status: 'placed',
        lines: [{ sku: 'TW-ROPE-10', quantity: 2, unitPrice: { amount: 2490, currency: 'EUR' } }],
        shippingFee: { amount: 490, currency: 'EUR' },
        payment: { status: 'pending' },
        shipment: { state: 'waiting', address: homeAddress, addressRevision: 1 },
        requests: [],
      });
      await confirm(order);
      expect(await viewOf(shop, order)).toMatchObject({
        status: 'confirmed',
        payment: { status: 'authorized', last4: '4242' },
      });
      const label = { ...order.sent, trackingNumber: 'TW123', addressRevision: 1 };
      await shop.deliver(shipmentPrepared, label);
      await shop.deliver(shipmentDispatched, { ...label, dispatchedAt: '2026-11-24T10:00:00.000Z' });
      expect(await viewOf(shop, order)).toMatchObject({
        status: 'shipped',
        shipment: { id: order.sent.shipmentId, trackingNumber: 'TW123', state: 'dispatched' },
      });
      await shop.deliver(shipmentDelivered, { ...order.sent, deliveredAt: '2026-11-26T10:00:00.000Z' });
      expect(await viewOf(shop, order)).toMatchObject({
        status: 'delivered',
        shipment: { state: 'delivered', deliveredAt: '2026-11-26T10:00:00.000Z' },
      });
    });

    it('is nobody else’s: the answer is that of an order that does not exist', async () => {
      const ada = await place(shop);
      const eve = await place(shop);
      const missing = 'TW-000000000000';
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/timeline'],
        ['POST', '/cancellation'],
      ] as const) {
        const others = await withCookie(method, `/api/orders/${ada.id}${path}`, eve.cookie);
        const nobodys = await withCookie(method, `/api/orders/${missing}${path}`, eve.cookie);
        const anonymous = await shop.call(method, `/api/orders/${ada.id}${path}`);
        expect([others.status, nobodys.status, anonymous.status]).toEqual([404, 404, 404]);
        expect(JSON.stringify(others.body).replaceAll(ada.id, missing)).toBe(JSON.stringify(nobodys.body));
        expect(anonymous.body).toEqual(others.body);
      }
    });

    it('that is not known, or another customer’s, is left alone by an event', async () => {
      const { id, paid, cookie } = await place(shop);
      const stranger = { ...paymentDeclined.example, paymentId: paid.paymentId };
      expect(await shop.deliver(paymentDeclined, stranger)).toBe(204);
      expect(await shop.deliver(paymentDeclined, { ...stranger, orderId: id })).toBe(204);
      expect((await withCookie('GET', `/api/orders/${id}`, cookie)).body.status).toBe('placed');
    });

    it('is there after a restart, with its session', async () => {
      const order = await place(shop);
      await confirm(order);
      const before = await viewOf(shop, order);
      await shop.restart();
      expect(await viewOf(shop, order)).toEqual(before);
    });
  });

  it('lists a customer’s orders, newest first, page by page', async () => {
    const first = await place(shop);
    const ids = [first.id];
    for (let n = 0; n < 4; n += 1) ids.push((await place(shop, {}, first.cookie)).id);
    await place(shop);
    const seen: string[] = [];
    let next: string | undefined = '';
    while (next !== undefined) {
      const path: string = `/api/orders?limit=2${next && `&cursor=${next}`}`;
      const { status, body } = await withCookie('GET', path, first.cookie);
      expect(status).toBe(200);
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map((item: { id: string }) => item.id));
      next = body.next;
    }
    expect(seen.toSorted()).toEqual(ids.toSorted());
    const all = (await withCookie('GET', '/api/orders', first.cookie)).body.items;
    const times = all.map((item: { placedAt: string }) => item.placedAt);
    expect(times).toEqual(times.toSorted().toReversed());
    expect(all.map((item: { id: string }) => item.id)).toEqual(seen);
  });

  describe('the deadline', () => {
    it('asks shipping about an order that is not confirmed, and waits for the answer', async () => {
      const order = await place(shop);
      await shop.advance(14 * 60_000);
      expect(shop.sink.ofType(type('order.expired'))).toHaveLength(0);
      await shop.advance(61_000);
      expect(shop.sink.ofType(type('order.expired'))).toMatchObject([{ data: order.ids }]);
      await confirm(order);
      expect((await viewOf(shop, order)).status).toBe('placed');
      await shop.deliver(shipmentCancelled, { ...order.sent, reason: 'order_expired' });
      expect(await viewOf(shop, order)).toMatchObject({ status: 'expired', reason: 'order_expired' });
    });

    it('means nothing to a confirmed order', async () => {
      const order = await place(shop);
      await confirm(order);
      await shop.advance(60 * 60_000);
      expect(shop.sink.ofType(type('order.expired'))).toHaveLength(0);
    });

    it('that passed while the service was down is kept', async () => {
      const order = await place(shop);
      await shop.restart();
      await shop.advance(16 * 60_000);
      expect(shop.sink.ofType(type('order.expired'))).toMatchObject([{ data: order.ids }]);
    });
  });

  it('counts orders that have not left, and tells the age of the oldest that is not confirmed', async () => {
    const left = await place(shop);
    const waiting = await place(shop);
    await shop.deliver(shipmentDispatched, { ...shipmentDispatched.example, ...left.sent });
    const { body } = await shop.call('GET', '/metrics');
    expect(body).toMatch(/tradewind_orders_unfinished\{service="storefront"\} 1\n/);
    const age = /tradewind_orders_unconfirmed_oldest_seconds\{service="storefront"\} ([\d.]+)\n/;
    expect(Number(age.exec(String(body))?.[1])).toBeGreaterThan(0);
    await confirm(waiting);
    expect((await shop.call('GET', '/metrics')).body).toMatch(
      /unconfirmed_oldest_seconds\{service="storefront"\} 0\n/,
    );
  });
});
