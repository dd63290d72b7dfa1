import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readSettings } from '../../../platform/settings.ts';
import { storefront } from '../../../services/storefront/service.ts';
import { homeAddress, orderBody } from '../../support/customer.ts';
import { engine } from '../../support/data.ts';
import { STAFF_TOKEN, startTestService, type Answer, type TestService } from '../../support/service.ts';
import { cookieOf, place, startStorefront } from './shop.ts';

const type = (name: string): string => `shop.tradewind.${name}.v1`;

describe('placing an order', () => {
  let shop: TestService;
  beforeEach(async () => {
    shop = await startStorefront();
  });
  afterEach(() => shop.close());

  const withCookie = (method: string, path: string, cookie: string, body?: unknown): Promise<Answer> =>
    shop.call(method, path, { headers: { cookie }, ...(body === undefined ? {} : { body }) });

  describe('POST /api/orders', () => {
    it('takes an order, says where it is, and gives a session', async () => {
      const { answer, id, customerId } = await place(shop);
      expect(id).toMatch(/^TW-[0-9A-HJKMNP-TV-Z]{12}$/);
      expect(customerId).toMatch(/^cus-[0-9a-z]{20,}$/);
      expect(answer.body).toEqual({
        id,
        customerId,
        status: 'placed',
        total: { amount: 5470, currency: 'EUR' },
      });
      expect(answer.headers.get('location')).toBe(`/api/orders/${id}`);
      const cookie = answer.headers.get('set-cookie') ?? '';
      expect(cookie).toMatch(/^tradewind_session=cus-/);
      expect(cookie).toContain('; HttpOnly');
      expect(cookie).toContain('; SameSite=Lax');
      expect(cookie).toContain('; Path=/');
      expect(cookie).not.toContain('Secure');
    });

    it('says what happened: the order without its address, the address, the contact', async () => {
      const { ids } = await place(shop);
      await shop.settle();
      const [placed] = shop.sink.ofType(type('order.placed'));
      expect(placed).toMatchObject({
        subject: ids.orderId,
        partitionkey: ids.customerId,
        dataclassification: 'internal',
        data: {
          ...ids,
          lines: [{ sku: 'TW-ROPE-10', quantity: 2, unitPrice: 2490 }],
          shippingFee: 490,
          total: { amount: 5470, currency: 'EUR' },
          paymentToken: 'tok_visa',
        },
      });
      expect(JSON.stringify(placed)).not.toMatch(/Hafen|Lindqvist|ada@/);
      expect(shop.sink.ofType(type('order.addressed'))).toMatchObject([
        {
          sequence: '1',
          dataclassification: 'confidential',
          data: { ...ids, revision: 1, zone: 'domestic', address: homeAddress },
        },
      ]);
      expect(shop.sink.ofType(type('customer.updated'))).toMatchObject([
        { change: 'contact', data: { customerId: ids.customerId, contact: { name: 'Ada Lindqvist' } } },
      ]);
    });

    it('knows a customer again, and tells a contact only when it is another one', async () => {
      const first = await place(shop);
      const second = await place(shop, {}, first.cookie);
      expect(second.answer.headers.get('set-cookie')).toBeNull();
      expect(second.customerId).toBe(first.customerId);
      await place(shop, { contact: { name: 'Ada L.', email: 'ada@example.com' } }, first.cookie);
      await shop.settle();
      const revisions = (name: string): unknown[] =>
        shop.sink.ofType(type(name)).map(({ data }) => data['revision']);
      expect(new Set(revisions('order.addressed'))).toEqual(new Set([1, 2, 3]));
      expect(new Set(revisions('customer.updated'))).toEqual(new Set([1, 3]));
    });

    it('keeps the events while the broker is away', async () => {
      shop.sink.status = 503;
      const { id } = await place(shop);
      await shop.restart();
      shop.sink.status = 202;
      await shop.settle();
      expect(shop.sink.ofType(type('order.placed'))).toMatchObject([{ subject: id }]);
    });
  });

  describe('a session', () => {
    it('is given anew to who brings a broken one', async () => {
      const answer = await shop.call('POST', '/api/orders', {
        body: orderBody(),
        headers: { cookie: 'tradewind_session=nonsense' },
      });
      expect(answer.status).toBe(201);
      expect(cookieOf(answer)).not.toBe('');
    });

    it.each([
      ['missing', ''],
      ['tampered with', 'tradewind_session=cus-somebodyelse0000000000.AAAA'],
      ['without a signature', 'tradewind_session=cus-somebodyelse0000000000'],
      ['empty', 'tradewind_session='],
    ])('that is %s is none', async (_, cookie) => {
      const { status, body } = await withCookie('GET', '/api/orders', cookie);
      expect(status).toBe(401);
      expect(body.detail).toBe('no session: place an order first');
    });

    it('signed for one customer does not fit another', async () => {
      const ada = await place(shop);
      const eve = await place(shop);
      const forged = `tradewind_session=${ada.customerId}.${eve.cookie.split('.').at(-1)}`;
      expect((await withCookie('GET', `/api/orders/${ada.id}`, forged)).status).toBe(404);
    });

    it('is Secure where customers come by https, or when told so', async () => {
      for (const env of [{ PUBLIC_URL: 'https://shop.example.com' }, { COOKIE_SECURE: 'true' }]) {
        const secure = await startStorefront(env);
        const { answer } = await place(secure);
        expect(answer.headers.get('set-cookie')).toContain('; Secure');
        await secure.close();
      }
    });

    it('is signed by a key that is long', () => {
      const env = { STAFF_TOKEN };
      expect(() => readSettings(storefront, { ...env, SESSION_SECRET: 'short' })).toThrow(
        /SESSION_SECRET.*32/,
      );
      expect(readSettings(storefront, { ...env, SESSION_SECRET: 'x'.repeat(32) })).toBeDefined();
    });

    it('without a key lasts as long as the process, and is not to be had where there may be several', async () => {
      if (engine === 'postgres') {
        await expect(startTestService(storefront)).rejects.toThrow(/SESSION_SECRET: must be set/);
        return;
      }
      await using alone = await startTestService(storefront);
      const { cookie } = await place(alone);
      expect((await alone.call('GET', '/api/orders', { headers: { cookie } })).status).toBe(200);
      await alone.restart();
      expect((await alone.call('GET', '/api/orders', { headers: { cookie } })).status).toBe(401);
    });
  });
});
