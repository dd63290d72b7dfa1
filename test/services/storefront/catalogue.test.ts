import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stockLevelChanged } from '../../../events/stock.ts';
import openingStock from '../../../services/inventory/stock.json' with { type: 'json' };
import { readCatalogue } from '../../../services/storefront/catalogue.ts';
import { quoteFor } from '../../../services/storefront/quote.ts';
import type { TestService } from '../../support/service.ts';
import { startStorefront } from './shop.ts';

const catalogue = readCatalogue();

describe('the catalogue', () => {
  it('sells exactly what the warehouse opens with', () => {
    const skus = [...catalogue.products.keys()];
    expect(skus.toSorted()).toEqual(openingStock.map(({ sku }) => sku).toSorted());
    expect(skus.length).toBeGreaterThanOrEqual(24);
  });

  it('adds lines and the fee of the country’s zone up, to the cent', () => {
    const wanted = [
      { sku: 'TW-ROPE-10', quantity: 2 },
      { sku: 'TW-MUG', quantity: 3 },
      { sku: 'TW-ROPE-10', quantity: 1 },
    ];
    const goods = 3 * 2490 + 3 * 890;
    expect(quoteFor(catalogue, wanted, 'DE')).toMatchObject({
      quote: { zone: 'domestic', shippingFee: 490, total: goods + 490 },
    });
    expect(quoteFor(catalogue, wanted, 'FR')).toMatchObject({
      quote: { zone: 'eu', shippingFee: 990, total: goods + 990 },
    });
  });

  it('names everything that it cannot price', () => {
    const result = quoteFor(catalogue, [{ sku: 'TW-NO', quantity: 1 }], 'AQ');
    expect(result).toMatchObject({
      errors: [{ field: 'lines[0].sku' }, { field: 'shippingAddress.country' }],
    });
  });
});

describe('GET /api/products', () => {
  let shop: TestService;
  beforeAll(async () => {
    shop = await startStorefront();
  });
  afterAll(() => shop.close());

  async function available(): Promise<unknown> {
    return (await shop.call('GET', '/api/products/TW-MUG')).body.available;
  }

  function level(revision: number, left: number): Promise<number> {
    const data = { sku: 'TW-MUG', onHand: left, reserved: 0, available: left, revision };
    return shop.deliver(stockLevelChanged, data);
  }

  it('lists every product with its price', async () => {
    const { status, body } = await shop.call('GET', '/api/products');
    expect(status).toBe(200);
    expect(body.items).toHaveLength(catalogue.products.size);
    expect(body.items[0]).toMatchObject({
      sku: 'TW-ROPE-10',
      name: 'Braided mooring rope, 10 m',
      category: 'ropes',
      price: { amount: 2490, currency: 'EUR' },
    });
  });

  it('tells what is on sale as last heard; an older level that comes late changes nothing', async () => {
    expect(await available()).toBeNull();
    expect(await level(7, 40)).toBe(204);
    expect(await available()).toBe(40);
    expect(await level(6, 99)).toBe(204);
    expect(await available()).toBe(40);
    expect(await level(8, 0)).toBe(204);
    expect(await available()).toBe(0);
  });

  it('answers 404 for what is not sold', async () => {
    const { status, body } = await shop.call('GET', '/api/products/TW-NO');
    expect(status).toBe(404);
    expect(body.detail).toContain('TW-NO');
  });

  it('is described, with every route of the API', async () => {
    const { body } = await shop.call('GET', '/openapi.json');
    expect(Object.keys(body.paths).toSorted()).toEqual([
      '/api/me/shipping-address',
      '/api/orders',
      '/api/orders/{id}',
      '/api/orders/{id}/cancellation',
      '/api/orders/{id}/timeline',
      '/api/products',
      '/api/products/{sku}',
    ]);
    const post = body.paths['/api/orders'].post;
    expect(post.parameters).toMatchObject([{ name: 'idempotency-key', in: 'header', required: false }]);
    const { schema } = post.requestBody.content['application/json'];
    expect(schema.required).toEqual(['lines', 'contact', 'shippingAddress', 'paymentToken']);
    expect(schema.additionalProperties).toBe(false);
  });
});
