import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { paymentAuthorized, paymentDeclined, paymentVoided } from '../../../events/payment.ts';
import { shipmentCancelled, shipmentReaddressed } from '../../../events/shipment.ts';
import { stockReleased, stockReserved } from '../../../events/stock.ts';
import { newAddress } from '../../support/customer.ts';
import type { TestService } from '../../support/service.ts';
import { watch, type Watch } from '../../support/sse.ts';
import { until } from '../../support/until.ts';
import { place, startStorefront, type Purchase } from './shop.ts';

describe('the timeline of an order', () => {
  let shop: TestService;
  let open: Watch[] = [];
  beforeEach(async () => {
    // A poll that never comes: what arrives was pushed.
    shop = await startStorefront({ TIMELINE_POLL: '1h', TIMELINE_HEARTBEAT: '1h' });
  });
  afterEach(async () => {
    for (const stream of open) stream.close();
    open = [];
    await shop.close();
  });

  async function follow(
    { id, cookie }: Purchase,
    query = '',
    headers: Record<string, string> = {},
  ): Promise<Watch> {
    const url = `${shop.service.url}/api/orders/${id}/timeline${query}`;
    const stream = await watch(url, { cookie, ...headers });
    open.push(stream);
    return stream;
  }

  async function restartWith(env: Record<string, string>): Promise<void> {
    await shop.close();
    shop = await startStorefront(env);
  }

  const authorize = ({ paid }: Purchase): Promise<number> =>
    shop.deliver(paymentAuthorized, { ...paymentAuthorized.example, ...paid });
  const reserve = ({ ids }: Purchase): Promise<number> =>
    shop.deliver(stockReserved, { ...stockReserved.example, ...ids });

  it('tells what happened, and what happens as soon as it does', async () => {
    const order = await place(shop);
    const stream = await follow(order);
    expect(await stream.take(1)).toMatchObject([
      { id: '1', event: 'order.placed', data: { event: 'order.placed', status: 'placed' } },
    ]);
    await authorize(order);
    await reserve(order);
    const entries = await stream.take(3);
    expect(entries.map(({ id, event, data }) => [id, event, data['status']])).toEqual([
      ['1', 'order.placed', 'placed'],
      ['2', 'payment.authorized', 'placed'],
      ['3', 'stock.reserved', 'confirmed'],
    ]);
    expect(entries[1]?.data['text']).toContain('4242');
    expect(Date.parse(entries[1]?.data['at'] ?? '')).not.toBeNaN();
  });

  it('goes on after the last entry that the client has, by header or by query', async () => {
    const order = await place(shop);
    await authorize(order);
    await reserve(order);
    const byHeader = await follow(order, '', { 'last-event-id': '2' });
    const byQuery = await follow(order, '?after=1');
    const both = await follow(order, '?after=0', { 'last-event-id': '2' });
    expect((await byHeader.take(1)).map(({ id }) => id)).toEqual(['3']);
    expect((await byQuery.take(2)).map(({ id }) => id)).toEqual(['2', '3']);
    expect((await both.take(1)).map(({ id }) => id)).toEqual(['3']);
  });

  it('goes on over a restart, with nothing lost and nothing twice', async () => {
    const order = await place(shop);
    const before = await follow(order);
    await before.take(1);
    await shop.restart();
    await until('the stream has ended', () => before.ended());
    await authorize(order);
    const after = await follow(order, '', { 'last-event-id': '1' });
    await reserve(order);
    expect((await after.take(2)).map(({ event }) => event)).toEqual(['payment.authorized', 'stock.reserved']);
  });

  it('tells a fact once, however often it is delivered', async () => {
    const order = await place(shop);
    const stream = await follow(order);
    await authorize(order);
    await authorize(order);
    await reserve(order);
    expect((await stream.take(3)).map(({ event }) => event)).toEqual([
      'order.placed',
      'payment.authorized',
      'stock.reserved',
    ]);
  });

  it('tells what the customer asked for, without the address', async () => {
    const order = await place(shop);
    const headers = { cookie: order.cookie };
    await shop.call('PUT', '/api/me/shipping-address', { body: newAddress, headers });
    await shop.call('POST', `/api/orders/${order.id}/cancellation`, { headers });
    await shop.deliver(shipmentReaddressed, { ...order.sent, revision: 2, relabelled: false });
    const stream = await follow(order);
    expect((await stream.take(4)).map(({ event }) => event)).toEqual([
      'order.placed',
      'customer.updated',
      'order.cancellationrequested',
      'shipment.readdressed',
    ]);
    expect(stream.text()).not.toMatch(/Deichweg|Hafen|Lindqvist|Hamburg|204\d\d/);
  });

  it('tells once that an order is over', async () => {
    const order = await place(shop);
    const stream = await follow(order);
    await shop.deliver(paymentDeclined, { ...paymentDeclined.example, ...order.paid });
    await shop.deliver(shipmentCancelled, { ...order.sent, reason: 'order_expired' });
    await shop.deliver(stockReleased, { ...stockReleased.example, ...order.ids });
    expect((await stream.take(3)).map(({ event }) => event)).toEqual([
      'order.placed',
      'payment.declined',
      'stock.released',
    ]);
  });

  it('is the owner’s alone', async () => {
    const order = await place(shop);
    const { cookie } = await place(shop);
    expect((await follow({ ...order, cookie })).status).toBe(404);
  });

  it('finds what another replica wrote, by looking from time to time', async () => {
    await restartWith({ TIMELINE_POLL: '20ms' });
    const order = await place(shop);
    const stream = await follow(order);
    await stream.take(1);
    await shop.service.store.write((tx) =>
      tx.run(
        `insert into timeline (order_id, seq, at, event, text, status) values ($1, 2, $2, $3, $4, $5)`,
        order.id,
        new Date().toISOString(),
        'payment.authorized',
        'written elsewhere',
        'placed',
      ),
    );
    expect((await stream.take(2))[1]?.data['text']).toBe('written elsewhere');
  });

  it('shows that it is alive when nothing happens', async () => {
    await restartWith({ TIMELINE_HEARTBEAT: '20ms' });
    const stream = await follow(await place(shop));
    await until('a second heartbeat', () => stream.text().split(': still here').length > 2);
    expect(stream.entries()).toHaveLength(1);
  });

  it('is refused beyond the number of streams, and given again when one has ended', async () => {
    await restartWith({ TIMELINE_STREAMS: '1' });
    const order = await place(shop);
    const first = await follow(order);
    await first.take(1);
    expect((await follow(order)).status).toBe(503);
    first.close();
    await until('there is room again', async () => (await follow(order)).status === 200);
  });

  it('answers HEAD with its headers, and ends', async () => {
    await restartWith({ TIMELINE_STREAMS: '1' });
    const order = await place(shop);
    const path = `/api/orders/${order.id}/timeline`;
    for (let n = 0; n < 3; n += 1) {
      const { status, headers, body } = await shop.call('HEAD', path, { headers: { cookie: order.cookie } });
      expect([status, headers.get('content-type'), body]).toEqual([
        200,
        'text/event-stream; charset=utf-8',
        '',
      ]);
    }
    expect((await follow(order)).status).toBe(200);
  });

  it('is refused to a customer who has ten open already, and to nobody else', async () => {
    const order = await place(shop);
    const streams = await Promise.all(Array.from({ length: 10 }, () => follow(order)));
    await Promise.all(streams.map((stream) => stream.take(1)));
    expect((await follow(order)).status).toBe(429);
    expect((await follow(await place(shop))).status).toBe(200);
    streams[0]?.close();
    await until('there is room again', async () => (await follow(order)).status === 200);
  });

  describe('of an order of which nothing more is to be heard', () => {
    it('ends after a while, and is not opened again by who has all of it', async () => {
      await restartWith({ TIMELINE_POLL: '20ms' });
      const order = await place(shop);
      const stream = await follow(order);
      await shop.deliver(paymentDeclined, { ...paymentDeclined.example, ...order.paid });
      await stream.take(2);
      const again = await follow(order, '', { 'last-event-id': '2' });
      expect(again.status).toBe(200);
      expect(stream.ended()).toBe(false);
      await shop.advance(30_000);
      await until('both streams have ended', () => stream.ended() && again.ended());
      expect((await follow(order, '', { 'last-event-id': '2' })).status).toBe(204);
      const late = await follow(order);
      expect((await late.take(2)).map(({ event }) => event)).toEqual(['order.placed', 'payment.declined']);
      await until('the late one has ended', () => late.ended());
    });

    it('stays open while money or goods are still on their way', async () => {
      await restartWith({ TIMELINE_POLL: '20ms' });
      const order = await place(shop);
      await authorize(order);
      await reserve(order);
      await shop.deliver(shipmentCancelled, { ...order.sent, reason: 'requested' });
      await shop.deliver(paymentVoided, { ...paymentVoided.example, ...order.paid });
      await shop.advance(60_000);
      const stream = await follow(order, '', { 'last-event-id': '5' });
      expect(stream.status).toBe(200);
      await shop.deliver(stockReleased, { ...stockReleased.example, ...order.ids });
      expect((await stream.take(1)).map(({ event }) => event)).toEqual(['stock.released']);
      await shop.advance(30_000);
      await until('the stream has ended', () => stream.ended());
    });
  });

  it('does not hold up a shutdown', async () => {
    const stream = await follow(await place(shop));
    await stream.take(1);
    const start = performance.now();
    await shop.service.close();
    expect(performance.now() - start).toBeLessThan(4000);
    await until('the stream has ended', () => stream.ended());
  });
});
