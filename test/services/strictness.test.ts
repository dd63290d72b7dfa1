import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inventory } from '../../services/inventory/service.ts';
import { shipping } from '../../services/shipping/service.ts';
import { storefront } from '../../services/storefront/service.ts';
import { homeAddress, orderBody } from '../support/customer.ts';
import { startTestService, type CallOptions, type TestService } from '../support/service.ts';

const toAddress = (change: object): CallOptions => ({
  body: orderBody({ shippingAddress: { ...homeAddress, ...change } }),
});
const paidBy = (paymentToken: string): CallOptions => ({ body: orderBody({ paymentToken }) });

describe('what is misspelled or unprintable is refused, by field', () => {
  const services = new Map<string, TestService>();
  beforeAll(async () => {
    services.set('inventory', await startTestService(inventory));
    services.set('shipping', await startTestService(shipping));
    services.set('storefront', await startTestService(storefront, { SESSION_SECRET: 's'.repeat(32) }));
  });
  afterAll(async () => {
    for (const service of services.values()) await service.close();
  });

  it.each<[string, string, string, CallOptions, number, string]>([
    [
      'inventory',
      'POST',
      '/api/stock/TW-ROPE-10/receipts',
      { body: { quantity: 5, receiptId: 'r1' } },
      422,
      'receiptId',
    ],
    ['shipping', 'GET', '/api/shipments?stat=prepared', {}, 422, 'stat'],
    ['storefront', 'POST', '/api/orders', toAddress({ city: '\u0000' }), 422, 'shippingAddress.city'],
    ['storefront', 'POST', '/api/orders', toAddress({ line1: 'x\ny' }), 422, 'shippingAddress.line1'],
    [
      'storefront',
      'POST',
      '/api/orders',
      toAddress({ recipient: '\ud800' }),
      422,
      'shippingAddress.recipient',
    ],
    ['storefront', 'POST', '/api/orders', toAddress({ country: 'EG' }), 422, 'shippingAddress.country'],
    ['storefront', 'POST', '/api/orders', paidBy('4111.1111.1111.1111'), 422, 'paymentToken'],
    ['storefront', 'POST', '/api/orders', paidBy('４１１１１１１１１１１１１１１１'), 422, 'paymentToken'],
    ['storefront', 'POST', '/api/orders', paidBy('tok visa'), 422, 'paymentToken'],
    [
      'storefront',
      'POST',
      '/api/orders',
      { body: orderBody(), headers: { 'content-encoding': 'gzip' } },
      415,
      'content-encoding',
    ],
  ])('by %s: %s %s with %j', async (name, method, path, options, status, field) => {
    const answer = await services.get(name)?.call(method, path, { staff: true, ...options });
    expect(answer).toMatchObject({ status, body: { errors: [{ field, message: expect.any(String) }] } });
  });
});

describe('the staff routes', () => {
  it('are closed to everybody where no token was set', async () => {
    await using service = await startTestService(inventory, { STAFF_TOKEN: '' });
    const answer = await service.call('GET', '/api/stock', { staff: true });
    expect(answer).toMatchObject({ status: 401, body: { detail: expect.stringContaining('STAFF_TOKEN') } });
  });
});
