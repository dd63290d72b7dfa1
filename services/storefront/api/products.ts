import { z } from 'zod';
import { problems } from '../../../platform/errors.ts';
import { routeFor } from '../../../platform/http/route.ts';
import type { Product } from '../catalogue.ts';
import type { Deps } from '../handle.ts';
import type { Emits } from '../order.ts';
import { levelOf, levels } from '../stock.ts';
import { product, refusal } from './schemas.ts';

const route = routeFor<Emits, Deps>();

export const listProducts = route({
  method: 'get',
  path: '/api/products',
  summary: 'What the shop sells, with prices and what is on sale',
  auth: 'none',
  responses: { 200: { description: 'the catalogue', schema: z.object({ items: z.array(product) }) } },
  async handle(_request, { read, deps: { catalogue } }) {
    const stock = await levels(read);
    const items = [...catalogue.products.values()].map((entry) =>
      show(entry, catalogue.currency, stock.get(entry.sku)),
    );
    return { status: 200, body: { items } };
  },
});

export const showProduct = route({
  method: 'get',
  path: '/api/products/:sku',
  summary: 'One product',
  auth: 'none',
  params: z.object({ sku: z.string().min(1).max(64) }),
  responses: { 200: { description: 'the product', schema: product }, 404: refusal('no such product') },
  async handle({ params: { sku } }, { read, deps: { catalogue } }) {
    const entry = catalogue.products.get(sku);
    if (!entry) throw problems.notFound(`there is no product "${sku}"; see GET /api/products`);
    return { status: 200, body: show(entry, catalogue.currency, await levelOf(read, sku)) };
  },
});

function show(
  { price, ...entry }: Product,
  currency: string,
  available: number | undefined,
): z.infer<typeof product> {
  return { ...entry, price: { amount: price, currency }, available: available ?? null };
}
