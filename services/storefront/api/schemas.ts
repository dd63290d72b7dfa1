import { z } from 'zod';
import { address, contact, money, paymentToken, quantity } from '../../../events/shapes.ts';

const instant = z.iso.datetime();

export const shippingAddress = z.strictObject(address.shape);

export const orderRequest = z.strictObject({
  lines: z
    .array(z.strictObject({ sku: z.string().min(1).max(64), quantity }))
    .min(1, 'an order needs at least one line')
    .max(50, 'an order has 50 lines at most'),
  contact: z.strictObject(contact.shape),
  shippingAddress,
  paymentToken,
});
export type OrderRequest = z.infer<typeof orderRequest>;

const status = z.enum(['placed', 'confirmed', 'shipped', 'delivered', 'rejected', 'cancelled', 'expired']);

export const orderAccepted = z.object({ id: z.string(), status, total: money, customerId: z.string() });
export type OrderAccepted = z.infer<typeof orderAccepted>;

export const orderSummary = z.object({
  id: z.string(),
  status,
  reason: z.string().optional(),
  placedAt: instant,
  total: money,
});
export type OrderSummary = z.infer<typeof orderSummary>;

export const changeRequest = z.object({
  kind: z.enum(['address', 'cancellation']),
  revision: z.int().optional().describe('of the address'),
  requestedAt: instant,
  outcome: z.enum(['pending', 'accepted', 'refused', 'superseded', 'moot']),
  reason: z.string().optional(),
});

const payment = z.object({
  status: z.enum([
    'pending',
    'not_charged',
    'authorized',
    'declined',
    'captured',
    'capture_failed',
    'void_pending',
    'voided',
    'refund_pending',
    'refunded',
  ]),
  last4: z.string().optional(),
  reason: z.string().optional(),
});

const shipment = z.object({
  id: z.string().optional(),
  trackingNumber: z.string().optional(),
  state: z.enum(['waiting', 'prepared', 'dispatched', 'delivered', 'cancelled']),
  address: address
    .optional()
    .describe(
      'where the parcel goes; forgotten 90 days after it was given, when no parcel has still to leave',
    ),
  addressRevision: z.int(),
  dispatchedAt: instant.optional(),
  deliveredAt: instant.optional(),
});

export const orderView = orderSummary.extend({
  lines: z.array(z.object({ sku: z.string(), name: z.string(), quantity: z.int(), unitPrice: money })),
  shippingFee: money,
  payment,
  shipment: shipment.optional(),
  requests: z.array(changeRequest),
});
export type OrderView = z.infer<typeof orderView>;

export const product = z.object({
  sku: z.string(),
  name: z.string(),
  description: z.string(),
  category: z.string(),
  price: money,
  available: z.int().nullable().describe('pieces on sale; null until the stock level was heard'),
});

export const orderPath = z.object({ id: z.string().describe('number of the order') });

/** How a refusal is described; its schema is the same everywhere. */
export function refusal(description: string): { readonly description: string; readonly contentType: string } {
  return { description, contentType: 'application/problem+json' };
}
