import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { homeAddress, orderBody } from '../../support/customer.ts';
import type { TestService } from '../../support/service.ts';
import { place, startStorefront } from './shop.ts';

const CARD = '4242424242424242';
const line = { sku: 'TW-ROPE-10', quantity: 1 };
const contact = { name: 'Ada Lindqvist', email: 'ada@example.com' };

let shop: TestService;
let cookie: string;
beforeAll(async () => {
  shop = await startStorefront();
  ({ cookie } = await place(shop));
});
afterAll(() => shop.close());

function without(object: Record<string, unknown>, field: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== field));
}

async function refused(
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string> },
  expected: { status: number; field?: string },
): Promise<string> {
  const headers = { cookie, ...options.headers };
  const answer = await shop.call(method, path, { ...options, headers });
  expect(answer.status).toBe(expected.status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  if (expected.field !== undefined) {
    const fields = answer.body.errors.map(({ field }: { field: string }) => field);
    expect(fields).toEqual([expected.field]);
    expect(answer.body.errors[0].message).not.toBe('');
  }
  return JSON.stringify(answer.body);
}

describe('POST /api/orders refuses', () => {
  it.each([
    ['no lines', 'lines', without(orderBody(), 'lines')],
    ['no contact', 'contact', without(orderBody(), 'contact')],
    ['no address', 'shippingAddress', without(orderBody(), 'shippingAddress')],
    ['no token', 'paymentToken', without(orderBody(), 'paymentToken')],
    ...['recipient', 'line1', 'city', 'postalCode', 'country'].map(
      (field) =>
        [
          `an address without ${field}`,
          `shippingAddress.${field}`,
          orderBody({ shippingAddress: without(homeAddress, field) }),
        ] as const,
    ),
    ['a contact without a name', 'contact.name', orderBody({ contact: without(contact, 'name') })],
    ['a contact without an e-mail', 'contact.email', orderBody({ contact: without(contact, 'email') })],
    ['a bad e-mail', 'contact.email', orderBody({ contact: { ...contact, email: 'ada' } })],
    ['a name of blanks', 'contact.name', orderBody({ contact: { ...contact, name: '   ' } })],
    ['empty lines', 'lines', orderBody({ lines: [] })],
    ['51 lines', 'lines', orderBody({ lines: Array.from({ length: 51 }, () => line) })],
    ['a line without an article', 'lines[0].sku', orderBody({ lines: [{ quantity: 1 }] })],
    ['a line without a quantity', 'lines[0].quantity', orderBody({ lines: [{ sku: line.sku }] })],
    ['a quantity of 0', 'lines[0].quantity', orderBody({ lines: [{ ...line, quantity: 0 }] })],
    ['a quantity of -1', 'lines[0].quantity', orderBody({ lines: [{ ...line, quantity: -1 }] })],
    ['a quantity of 1.5', 'lines[0].quantity', orderBody({ lines: [{ ...line, quantity: 1.5 }] })],
    ['a quantity of "2"', 'lines[0].quantity', orderBody({ lines: [{ ...line, quantity: '2' }] })],
    ['a quantity of 1001', 'lines[1].quantity', orderBody({ lines: [line, { ...line, quantity: 1001 }] })],
    ['an unknown article', 'lines[0].sku', orderBody({ lines: [{ sku: 'TW-NO', quantity: 1 }] })],
    ['a price from outside', 'lines[0].unitPrice', orderBody({ lines: [{ ...line, unitPrice: 1 }] })],
    ['a field it does not know', 'cvv', orderBody({ cvv: '123' })],
    [
      'a field of an address it does not know',
      'shippingAddress.state',
      orderBody({ shippingAddress: { ...homeAddress, state: 'HH' } }),
    ],
    [
      'a country it does not ship to',
      'shippingAddress.country',
      orderBody({ shippingAddress: { ...homeAddress, country: 'AQ' } }),
    ],
    [
      'a country by name',
      'shippingAddress.country',
      orderBody({ shippingAddress: { ...homeAddress, country: 'Germany' } }),
    ],
    [
      'a street that is too long',
      'shippingAddress.line1',
      orderBody({ shippingAddress: { ...homeAddress, line1: 'x'.repeat(101) } }),
    ],
    ['an empty token', 'paymentToken', orderBody({ paymentToken: '' })],
    ['a token that is too long', 'paymentToken', orderBody({ paymentToken: 't'.repeat(256) })],
    ['a list', 'body', [orderBody()]],
  ] as const)('%s, and names %s', async (_, field, body) => {
    await refused('POST', '/api/orders', { body }, { status: 422, field });
  });

  it.each([CARD, '4242 4242 4242 4242', '4242-4242-4242-4242', `tok_${CARD}`, '123456789012'])(
    'a card number, and does not repeat it (%#)',
    async (paymentToken) => {
      const expected = { status: 422, field: 'paymentToken' };
      const text = await refused('POST', '/api/orders', { body: orderBody({ paymentToken }) }, expected);
      expect(text).not.toContain(paymentToken);
    },
  );

  it.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=b', 415, 'content-type'],
    ['broken JSON', { 'content-type': 'application/json' }, '{"lines":', 400, 'body'],
    ['an empty body', { 'content-type': 'application/json' }, '', 400, 'body'],
  ])('%s', async (_, headers, body, status, field) => {
    await refused('POST', '/api/orders', { body, headers }, { status, field });
  });

  it('a body over the limit', async () => {
    const body = orderBody({ paymentToken: 'x'.repeat(1_100_000) });
    await refused('POST', '/api/orders', { body }, { status: 413 });
  });

  it.each(['', ' ', 'two words', 'x'.repeat(256)])('a bad idempotency key (%#)', async (key) => {
    const headers = { 'idempotency-key': key };
    const expected = { status: 422, field: 'idempotency-key' };
    await refused('POST', '/api/orders', { body: orderBody(), headers }, expected);
  });
});

describe('PUT /api/me/shipping-address refuses', () => {
  it.each([
    ...['recipient', 'line1', 'city', 'postalCode', 'country'].map(
      (field) => [field, without(homeAddress, field)] as const,
    ),
    ['country', { ...homeAddress, country: 'AQ' }],
    ['country', { ...homeAddress, country: 'de' }],
    ['email', { ...homeAddress, email: 'ada@example.com' }],
    ['city', { ...homeAddress, city: 7 }],
    ['body', 'null'],
  ] as const)('an address whose %s is not right (%#)', async (field, body) => {
    await refused('PUT', '/api/me/shipping-address', { body }, { status: 422, field });
  });

  it.each([
    ['text/plain', '{}', 415, 'content-type'],
    ['application/json', '{', 400, 'body'],
  ])('%s with %s', async (type, body, status, field) => {
    const headers = { 'content-type': type };
    await refused('PUT', '/api/me/shipping-address', { body, headers }, { status, field });
  });
});

describe('reading refuses', () => {
  it.each([
    ['/api/orders?limit=0', 'limit'],
    ['/api/orders?limit=101', 'limit'],
    ['/api/orders?limit=many', 'limit'],
    ['/api/orders?cursor=nonsense', 'cursor'],
    [`/api/orders?cursor=${Buffer.from('["yesterday","TW-1"]').toString('base64url')}`, 'cursor'],
    ['/api/orders/TW-000000000000/timeline?after=-1', 'after'],
    ['/api/orders/TW-000000000000/timeline?after=last', 'after'],
  ])('%s, and names %s', async (path, field) => {
    await refused('GET', path, {}, { status: 422, field });
  });

  it.each(['x', 'x'.repeat(65), 'x'.repeat(5000)])(
    'an order that cannot be, as one that is not (%#)',
    async (id) => {
      await refused('GET', `/api/orders/${id}`, {}, { status: 404 });
    },
  );

  it('a last-event-id that is none of ours', async () => {
    const headers = { 'last-event-id': 'abc' };
    const expected = { status: 422, field: 'last-event-id' };
    await refused('GET', '/api/orders/TW-000000000000/timeline', { headers }, expected);
  });
});

describe('another method', () => {
  it.each([
    ['DELETE', '/api/orders', 'GET, POST'],
    ['POST', '/api/orders/TW-1', 'GET'],
    ['GET', '/api/orders/TW-1/cancellation', 'POST'],
    ['POST', '/api/orders/TW-1/timeline', 'GET'],
    ['GET', '/api/me/shipping-address', 'PUT'],
    ['PUT', '/api/products', 'GET'],
    ['PUT', '/api/products/TW-MUG', 'GET'],
  ])('%s %s is answered with those it has', async (method, path, allow) => {
    const { status, headers } = await shop.call(method, path);
    expect(status).toBe(405);
    expect(headers.get('allow')?.split(', ').toSorted().join(', ')).toBe(allow);
  });
});
