import { afterEach, describe, expect, it } from '@jest/globals';
import { orderExpired, orderPlaced } from '../../../events/order.ts';
import { shipmentCancelled, shipmentDispatched } from '../../../events/shipment.ts';
import { stockRejected } from '../../../events/stock.ts';
import type { DataOf } from '../../../platform/contract.ts';
import { payment } from '../../../services/payment/service.ts';
import { startTestService, type Answer, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';
import { chargesIn } from './charges.ts';

const order = orderPlaced.example;
const { orderId, customerId } = order;
const TOTAL = order.total.amount;

describe('payment', () => {
  let shop: TestService;
  afterEach(() => shop.close());

  async function start(env: Record<string, string> = {}): Promise<void> {
    shop = await startTestService(payment, env);
  }
  const place = (data: Partial<DataOf<typeof orderPlaced>> = {}, attributes = {}): Promise<number> =>
    shop.deliver(orderPlaced, { ...order, ...data }, attributes);
  const dispatch = (): Promise<number> => shop.deliver(shipmentDispatched, shipmentDispatched.example);
  const cancel = (): Promise<number> => shop.deliver(shipmentCancelled, shipmentCancelled.example);
  const get = (id = orderId): Promise<Answer> => shop.call('GET', `/api/payments/${id}`, { staff: true });
  const status = async (): Promise<string> => (await get()).body.status;
  const told = (): string[] => shop.sink.events.map(({ type }) => type.split('.')[3] ?? '');

  it('holds the money when the order is placed and takes it when the parcel leaves', async () => {
    await start();
    expect(await place()).toBe(204);
    await shop.settle();
    expect((await get()).body).toMatchObject({
      orderId,
      paymentId: 'PAY-4Q7K2M9XJ3PA',
      status: 'authorized',
      amount: { amount: TOTAL, currency: 'EUR' },
      authorized: TOTAL,
      captured: 0,
      last4: '4242',
    });
    expect(await dispatch()).toBe(204);
    await shop.settle();
    const { body } = await get();
    expect(body).toMatchObject({
      status: 'captured',
      authorized: TOTAL,
      captured: TOTAL,
      voided: 0,
      refunded: 0,
    });
    expect(body.entries.map(({ kind }: { kind: string }) => kind)).toEqual(['authorized', 'captured']);
    expect(told()).toEqual(['authorized', 'captured']);
  });

  it('counts the same order once, whatever the number of deliveries', async () => {
    await start();
    for (const id of ['same', 'same', 'another']) expect(await place({}, { id })).toBe(204);
    for (const id of ['one', 'one', 'two']) {
      expect(await shop.deliver(shipmentDispatched, shipmentDispatched.example, { id })).toBe(204);
    }
    await shop.settle();
    expect((await get()).body).toMatchObject({ authorized: TOTAL, captured: TOTAL });
    expect(told()).toEqual(['authorized', 'captured']);
    expect(await charges()).toHaveLength(1);
  });

  it.each([
    ['tok_declined', 'card_declined'],
    ['tok_insufficient', 'insufficient_funds'],
    ['tok_of_nobody', 'invalid_token'],
    ['constructor', 'invalid_token'],
  ])('declines %s as %s', async (paymentToken, reason) => {
    await start();
    await place({ paymentToken });
    await shop.settle();
    expect((await get()).body).toMatchObject({ status: 'declined', reason, authorized: 0, entries: [] });
    expect(shop.sink.events).toMatchObject([
      { type: 'shop.tradewind.payment.declined.v1', subject: orderId, data: { orderId, customerId, reason } },
    ]);
    expect(await charges()).toEqual([]);
  });

  it('waits for a gateway that is slow', async () => {
    await start();
    await place({ paymentToken: 'tok_slow' });
    await until('the charge is made', async () => (await charges()).length === 1);
    expect(await status()).toBe('authorizing');
    await shop.settle();
    expect(await status()).toBe('authorized');
  });

  it('asks again with the same key when an answer is lost, and charges once', async () => {
    await start({ GATEWAY_TIMEOUT: '50ms' });
    await place({ paymentToken: 'tok_lost' });
    await until('the answer is there', async () => (await status()) === 'authorized');
    expect(await charges()).toHaveLength(1);
    const { tasks } = await numbers();
    expect(tasks).toMatchObject({ 'authorize failed': 1, 'authorize done': 1 });
  });

  it('does not let a gateway that never answers hold up its shutdown', async () => {
    await start({ GATEWAY_TIMEOUT: '10m' });
    await place({ paymentToken: 'tok_lost' });
    await until('the charge is made', async () => (await charges()).length === 1);
    const before = performance.now();
    await shop.restart();
    expect(performance.now() - before).toBeLessThan(5000);
    await shop.advance(60_000);
    expect(await status()).toBe('authorized');
    expect(await charges()).toHaveLength(1);
  });

  it('lets the hold go when stock is rejected', async () => {
    await start();
    await place();
    await shop.settle();
    expect(await shop.deliver(stockRejected, stockRejected.example)).toBe(204);
    await shop.settle();
    expect((await get()).body).toMatchObject({ status: 'voided', reason: 'out_of_stock', voided: TOTAL });
    expect(told()).toEqual(['authorized', 'voided']);
  });

  it('never tries a payment whose cancellation came first', async () => {
    await start();
    expect(await cancel()).toBe(204);
    await place();
    await shop.settle();
    expect((await get()).body).toMatchObject({
      status: 'closed',
      reason: 'shipment_cancelled',
      authorized: 0,
    });
    expect(told()).toEqual([]);
    expect(await charges()).toEqual([]);
  });

  it('lets a hold go whose answer comes after the cancellation', async () => {
    await start({ GATEWAY_TIMEOUT: '300ms' });
    await place({ paymentToken: 'tok_lost' });
    await until('the charge is made', async () => (await charges()).length === 1);
    await cancel();
    expect(await status()).toBe('authorizing');
    await until('the hold is let go', async () => (await status()) === 'voided');
    expect((await get()).body).toMatchObject({ authorized: TOTAL, voided: TOTAL });
    expect(await charges()).toMatchObject([{ captured: 0, voided: TOTAL }]);
  });

  it('gives the money back when the order is over after all', async () => {
    await start();
    await place();
    await dispatch();
    await shop.settle();
    await cancel();
    await shop.settle();
    expect((await get()).body).toMatchObject({ status: 'refunded', captured: TOTAL, refunded: TOTAL });
    expect(told()).toEqual(['authorized', 'captured', 'refunded']);
    expect(await charges()).toMatchObject([{ captured: TOTAL, refunded: TOTAL }]);
  });

  it('leaves an expired order to shipping, unless it was never tried', async () => {
    await start();
    await place();
    await shop.settle();
    expect(await shop.deliver(orderExpired, orderExpired.example)).toBe(204);
    expect(await status()).toBe('authorized');
    await shop.deliver(orderExpired, { ...orderExpired.example, orderId: 'TW-LATE' });
    await place({ orderId: 'TW-LATE' });
    await shop.settle();
    expect((await get('TW-LATE')).body).toMatchObject({ status: 'closed', reason: 'order_expired' });
  });

  it('asks nobody for an order that costs nothing', async () => {
    await start();
    const [line] = order.lines;
    const free = { ...line, sku: 'TW-GIFT', name: 'Gift', quantity: 1, unitPrice: 0 };
    await place({ lines: [free], shippingFee: 0, total: { amount: 0, currency: 'EUR' } });
    await dispatch();
    await shop.settle();
    expect(await status()).toBe('captured');
    expect(told()).toEqual(['authorized', 'captured']);
    expect(shop.sink.events[0]?.data).toMatchObject({ last4: '0000', amount: { amount: 0 } });
    expect(await charges()).toEqual([]);
  });

  it.each([
    ['no total', { total: undefined }, 'total'],
    ['a total that is no sum', { total: { amount: 1, currency: 'EUR' } }, 'total.amount'],
    ['half a cent', { total: { amount: 0.5, currency: 'EUR' } }, 'total.amount'],
    ['an unknown kind of currency', { total: { amount: TOTAL, currency: 'euro' } }, 'total.currency'],
    ['no token', { paymentToken: '' }, 'paymentToken'],
    ['a card number', { paymentToken: '4242 4242 4242 4242' }, 'paymentToken'],
  ])('refuses an order with %s, naming the field', async (_, change, field) => {
    await start();
    const response = await fetch(`${shop.service.url}/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': '1',
        'ce-source': '/tradewind/storefront',
        'ce-type': orderPlaced.type,
      },
      body: JSON.stringify({ ...order, ...change }),
    });
    const problem = (await response.json()) as { errors: { field: string }[] };
    expect(response.status).toBe(422);
    expect(problem.errors.map((error) => error.field)).toContain(field);
  });

  it('shows payments to staff only, and says which one it does not know', async () => {
    await start();
    expect((await shop.call('GET', `/api/payments/${orderId}`)).status).toBe(401);
    const { status, body } = await get('TW-NOBODY');
    expect(status).toBe(404);
    expect(body.detail).toContain('TW-NOBODY');
    expect((await shop.call('POST', `/api/payments/${orderId}`, { staff: true })).status).toBe(405);
  });

  it('keeps neither the token nor a timer when the payment is over', async () => {
    await start();
    await place();
    await dispatch();
    await shop.settle();
    const rows = await shop.service.store.read.all('select body from payments');
    expect(JSON.stringify(rows)).not.toContain('tok_visa');
    expect(await shop.service.store.read.all("select kind from tasks where kind not like 'prune-%'")).toEqual(
      [],
    );
  });

  function charges(): Promise<unknown[]> {
    return chargesIn(shop.data);
  }

  async function numbers(): Promise<{ tasks: Record<string, number> }> {
    const text = String((await shop.call('GET', '/metrics')).body);
    const tasks: Record<string, number> = {};
    for (const [, kind, result, value] of text.matchAll(
      /task_runs_total\{kind="(\w+)",result="(\w+)".*\} (\d+)/g,
    )) {
      tasks[`${kind} ${result}`] = Number(value);
    }
    return { tasks };
  }
});
