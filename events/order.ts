import { z } from 'zod';
import { defineEvent } from './define.ts';
import {
  address,
  instant,
  money,
  ofOrder,
  orderRoute,
  paymentToken,
  quantity,
  revision,
  sample,
  sku,
  zone,
} from './shapes.ts';

const orderLine = z.object({
  sku,
  name: z.string().min(1).max(200).describe('as it was shown to the customer'),
  quantity,
  unitPrice: z.int().min(0).describe('minor units, frozen when the order was placed'),
});

/** A customer placed an order: lines, frozen prices, total and payment token, but no address. */
export const orderPlaced = defineEvent({
  name: 'order.placed',
  emitter: 'storefront',
  summary: 'A customer placed an order; its prices and its total are frozen.',
  schema: z
    .object({
      ...ofOrder,
      lines: z.array(orderLine).min(1).max(50),
      shippingFee: z.int().min(0).describe('minor units'),
      total: money.describe('sum of the lines and the shipping fee'),
      paymentToken,
      placedAt: instant.describe('when the order was accepted'),
      confirmBy: instant.describe('the order expires when it is not confirmed by then'),
    })
    .refine(({ lines, shippingFee, total }) => total.amount === sumOf(lines) + shippingFee, {
      path: ['total', 'amount'],
      message: 'must be the sum of the lines and the shipping fee',
    }),
  route: orderRoute,
  example: {
    orderId: sample.orderId,
    customerId: sample.customerId,
    lines: [{ sku: sample.sku, name: 'Braided mooring rope, 10 m', quantity: 2, unitPrice: 2490 }],
    shippingFee: 490,
    total: { amount: 5470, currency: 'EUR' },
    paymentToken: 'tok_visa',
    placedAt: sample.at,
    confirmBy: sample.later,
  },
});

/** Where an order goes. Shipping alone gets it. */
export const orderAddressed = defineEvent({
  name: 'order.addressed',
  emitter: 'storefront',
  classification: 'confidential',
  summary:
    'Where an order goes: the full address, with the revision that the customer’s later changes are compared to.',
  schema: z.object({ ...ofOrder, revision, zone, address }),
  route: { ...orderRoute, sequence: (data) => data.revision },
  example: {
    orderId: sample.orderId,
    customerId: sample.customerId,
    revision: 1,
    zone: 'domestic',
    address: sample.address,
  },
});

/** A customer wants out. Shipping alone knows whether the parcel has left, so shipping answers. */
export const orderCancellationRequested = defineEvent({
  name: 'order.cancellationrequested',
  emitter: 'storefront',
  summary:
    'The customer asked to cancel; shipping decides, because it alone knows whether the parcel has left.',
  schema: z.object({ ...ofOrder, requestedAt: instant.describe('when the customer asked') }),
  route: orderRoute,
  example: { orderId: sample.orderId, customerId: sample.customerId, requestedAt: sample.at },
});

/** The order's deadline passed before the storefront had heard of payment and stock. Shipping decides what follows. */
export const orderExpired = defineEvent({
  name: 'order.expired',
  emitter: 'storefront',
  summary:
    'The storefront did not hear before the deadline that the order was confirmed; shipping closes it unless the parcel is prepared.',
  schema: z.object({ ...ofOrder, deadline: instant.describe('the `confirmBy` that passed') }),
  route: orderRoute,
  example: { orderId: sample.orderId, customerId: sample.customerId, deadline: sample.later },
});

function sumOf(lines: readonly { quantity: number; unitPrice: number }[]): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0);
}
