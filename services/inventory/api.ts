import { z } from 'zod';
import { problems } from '../../platform/errors.ts';
import { routeFor } from '../../platform/http/route.ts';
import { name, sku } from '../../events/shapes.ts';
import { announce, type Deps, type Emits } from './handle.ts';
import { addGoods, bookReceipt, findLevel, listLevels } from './store.ts';

const route = routeFor<Emits, Deps>();

const level = z.object({
  sku: z.string(),
  onHand: z.int(),
  reserved: z.int(),
  available: z.int(),
  revision: z.int(),
});

export const listStock = route({
  method: 'get',
  path: '/api/stock',
  summary: 'Stock levels of all articles',
  auth: 'staff',
  responses: { 200: { description: 'the levels', schema: z.object({ items: z.array(level) }) } },
  handle: async (_request, { read }) => ({ status: 200, body: { items: await listLevels(read) } }),
});

const receipt = z.object({
  quantity: z.int().min(1).max(1_000_000).describe('pieces that arrived'),
  reference: name(64)
    .optional()
    .describe('number of the delivery note; the same one is booked once per article'),
});

export const receiveGoods = route({
  method: 'post',
  path: '/api/stock/:sku/receipts',
  summary: 'Book goods that arrived',
  auth: 'staff',
  params: z.object({ sku }),
  body: receipt,
  responses: {
    201: { description: 'booked; the new level', schema: level },
    200: { description: 'this reference was booked before; the present level', schema: level },
  },
  handle: ({ params, body: { quantity, reference } }, context) =>
    context.commit(async (tx, { now }) => {
      const present = await findLevel(tx, params.sku);
      if (!present) throw problems.notFound(`there is no article "${params.sku}"`);
      if (reference !== undefined) {
        const before = await bookReceipt(tx, { sku: params.sku, reference, quantity }, now);
        if (before === quantity) return [{ status: 200, body: present }, {}];
        if (before !== undefined) {
          throw problems.conflict(`receipt "${reference}" was booked with ${before} pieces, not ${quantity}`);
        }
      }
      const changed = await addGoods(tx, params.sku, quantity);
      return [{ status: 201, body: changed }, { tasks: announce([params], now) }];
    }),
});
