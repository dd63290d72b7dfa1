import { z } from 'zod';
import { defineEvent } from './define.ts';
import { instant, ofOrder, orderRoute, revision, sample, sku } from './shapes.ts';

// Several lines of an order count together per article, so a quantity here may exceed that of one line.
const pieces = z.int().min(0).describe('number of pieces');
const lines = z
  .array(z.object({ sku, quantity: pieces.min(1) }))
  .min(1)
  .max(50)
  .describe('one per article');
const example = { orderId: sample.orderId, customerId: sample.customerId };
const exampleLines = [{ sku: sample.sku, quantity: 2 }];
const common = { emitter: 'inventory', route: orderRoute } as const;

/** Every line of an order is set aside. */
export const stockReserved = defineEvent({
  ...common,
  name: 'stock.reserved',
  summary:
    'Every line of the order is set aside, until it is dispatched, released or its expiry passes unconfirmed.',
  schema: z.object({
    ...ofOrder,
    lines,
    expiresAt: instant.describe('unpaid goods stay set aside until then'),
  }),
  example: { ...example, lines: exampleLines, expiresAt: '2026-11-24T10:30:00.000Z' },
});

/** Not every line can be had, so none was set aside. */
export const stockRejected = defineEvent({
  ...common,
  name: 'stock.rejected',
  summary: 'At least one line cannot be had, so nothing was set aside; the order is over.',
  schema: z.object({
    ...ofOrder,
    shortages: z.array(z.object({ sku, wanted: pieces, available: pieces })).min(1),
  }),
  example: { ...example, shortages: [{ sku: sample.sku, wanted: 2, available: 1 }] },
});

/** What was set aside is on sale again. */
export const stockReleased = defineEvent({
  ...common,
  name: 'stock.released',
  summary: 'What was set aside for the order is on sale again.',
  schema: z.object({ ...ofOrder, lines, reason: z.string().min(1).max(64).describe('a code for machines') }),
  example: { ...example, lines: exampleLines, reason: 'payment_declined' },
});

/** A reservation outlived its expiry without a payment. Shipping decides whether the order is still alive. */
export const stockExpired = defineEvent({
  ...common,
  name: 'stock.expired',
  summary: 'A reservation passed its expiry unconfirmed; shipping decides whether the order still lives.',
  schema: z.object({ ...ofOrder, expiresAt: instant.describe('the expiry that passed') }),
  example: { ...example, expiresAt: '2026-11-24T10:30:00.000Z' },
});

/** The level of one article, as a whole, with a revision: a later one replaces an earlier one. */
export const stockLevelChanged = defineEvent({
  name: 'stock.levelchanged',
  emitter: 'inventory',
  summary: 'The stock level of an article changed; the whole new level.',
  schema: z.object({
    sku,
    onHand: pieces.describe('pieces on the shelf'),
    reserved: pieces.describe('of these, set aside for orders'),
    available: pieces.describe('of these, on sale'),
    revision,
  }),
  route: {
    subject: (data) => data.sku,
    partitionKey: (data) => data.sku,
    correlation: (data) => data.sku,
    sequence: (data) => data.revision,
  },
  example: { sku: sample.sku, onHand: 120, reserved: 2, available: 118, revision: 7 },
});
