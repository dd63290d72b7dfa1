import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderBody } from '../../support/customer.ts';
import type { Answer, TestService } from '../../support/service.ts';
import { cookieOf, place, startStorefront } from './shop.ts';

describe('an idempotency key', () => {
  let shop: TestService;
  beforeEach(async () => {
    shop = await startStorefront();
  });
  afterEach(() => shop.close());

  function post(key: string, options: { cookie?: string; body?: unknown } = {}): Promise<Answer> {
    const { cookie, body = orderBody() } = options;
    const headers = { 'idempotency-key': key, ...(cookie === undefined ? {} : { cookie }) };
    return shop.call('POST', '/api/orders', { body, headers });
  }

  async function orders(): Promise<number> {
    await shop.settle();
    return shop.sink.ofType('shop.tradewind.order.placed.v1').length;
  }

  it('gives a guest whose first answer was lost the same order and the same session', async () => {
    const key = randomUUID();
    const first = await post(key);
    const again = await post(key);
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect(cookieOf(again)).toBe(cookieOf(first));
    expect(await orders()).toBe(1);
  });

  it('holds for the repeat that brings the cookie of the first answer', async () => {
    const key = randomUUID();
    const first = await post(key);
    const again = await post(key, { cookie: cookieOf(first) });
    expect(again.body).toEqual(first.body);
    expect(await orders()).toBe(1);
  });

  it('makes one order of twenty requests at once, with a session and without', async () => {
    const { cookie } = await place(shop);
    for (const options of [{}, { cookie }]) {
      const before = await orders();
      const key = randomUUID();
      const answers = await Promise.all(Array.from({ length: 20 }, () => post(key, options)));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.has('idempotency-replayed'))).toHaveLength(19);
      expect(await orders()).toBe(before + 1);
    }
  });

  it('is not read as another request when only the spelling of the body differs', async () => {
    const key = randomUUID();
    const first = await post(key);
    const reversed = Object.fromEntries(Object.entries(orderBody()).toReversed());
    expect((await post(key, { body: JSON.stringify(reversed, null, 2) })).body).toEqual(first.body);
  });

  it('hands no session to a guest who repeats a short key, but places no second order either', async () => {
    const first = await post('order-7');
    const again = await post('order-7');
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(first.headers.get('set-cookie')).toBeTruthy();
    expect(again.headers.get('set-cookie')).toBeNull();
    expect(await orders()).toBe(1);
  });

  it('is refused for another request', async () => {
    const key = randomUUID();
    await post(key);
    const { status, body } = await post(key, { body: orderBody({ paymentToken: 'tok_other' }) });
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ field: 'idempotency-key' }]);
    expect(await orders()).toBe(1);
  });

  it('is one customer’s own', async () => {
    const ada = await place(shop);
    const eve = await place(shop);
    const key = randomUUID();
    const hers = await post(key, { cookie: ada.cookie });
    const others = await post(key, { cookie: eve.cookie });
    expect(others.body.id).not.toBe(hers.body.id);
    expect(others.body.customerId).toBe(eve.customerId);
  });

  it('is free again after a refusal', async () => {
    const key = randomUUID();
    const refused = await post(key, { body: orderBody({ lines: [{ sku: 'TW-NO', quantity: 1 }] }) });
    expect(refused.status).toBe(422);
    expect((await post(key)).status).toBe(201);
  });

  it('survives a restart, and is forgotten after a day', async () => {
    const key = randomUUID();
    const first = await post(key);
    await shop.restart();
    expect((await post(key)).body).toEqual(first.body);
    await shop.advance(23 * 3_600_000);
    expect((await post(key)).body).toEqual(first.body);
    await shop.advance(2 * 3_600_000);
    expect((await post(key)).body.id).not.toBe(first.body.id);
  });
});
