import { z } from 'zod';

/** An amount of money: a whole number of the currency's minor unit (cents for EUR) and an ISO 4217 code. */
export const money = z.object({
  amount: z.int().min(0).max(1_000_000_000_000).describe('whole number of minor units'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR')
    .describe('ISO 4217'),
});
export type Money = z.infer<typeof money>;

/** A line that can be printed: no control characters, and no half of a character. */
function line(maxLength: number): z.ZodString {
  return z
    .string()
    .trim()
    .max(maxLength)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not have line breaks or other control characters');
}

/** Where a parcel goes. Postal codes are text, and may be empty where a country has none. */
export const address = z
  .object({
    recipient: line(100).min(1).describe('name on the parcel'),
    line1: line(100).min(1).describe('street and number'),
    line2: line(100).optional().describe('floor, company or the like'),
    city: line(100).min(1),
    postalCode: line(16).describe('text; empty where the country has none'),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 alpha-2 code such as DE')
      .describe('ISO 3166-1 alpha-2'),
  })
  .describe('replaces the one before as a whole');
export type Address = z.infer<typeof address>;

/** How to reach a customer. */
export const contact = z
  .object({
    name: line(100).min(1),
    email: z.email().max(254),
  })
  .describe('replaces the one before as a whole');
export type Contact = z.infer<typeof contact>;

/** Text that names something: printable, because not every database takes control characters in a key. */
export function name(maxLength: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^\P{Cc}*$/u, 'must not have control characters');
}

// Shipments and payments are named after their order, a few characters longer (see `ids.ts`).
export const orderId = name(56).describe('the order');
export const shipmentId = name(64).describe('the shipment');
export const paymentId = name(64).describe('the payment');
export const customerId = name(64).describe('the customer; also the partition key');
export const sku = name(64).describe('the article');
export const quantity = z.int().min(1).max(1000).describe('number of pieces');
export const instant = z.iso.datetime().describe('RFC 3339 in UTC');
export const revision = z.int().min(1).describe('issued by the owner of the fact; the higher one wins');
export const zone = z.string().min(1).max(32).describe('shipping fee zone of the country');

/** Nothing with digits that could be a card number, with whatever people put between. */
const NO_CARD_NUMBER = /^(?![\s\S]*\d(?:[^0-9A-Za-z]?\d){11})/;

export const paymentToken = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\w.:-]*$/, 'must be letters, digits, _ . : or -')
  .regex(NO_CARD_NUMBER, 'looks like a card number; send a token of your provider')
  .describe('a provider token such as tok_visa, never a card number');

/** What every event about an order names. */
export const ofOrder = { orderId, customerId };

/** Routing of every event about an order: one customer's events keep their order, one order's form one story. */
export const orderRoute = {
  subject: (data: { orderId: string }) => data.orderId,
  partitionKey: (data: { customerId: string }) => data.customerId,
  correlation: (data: { orderId: string }) => data.orderId,
};

/** Values that the examples share, so that together they tell one order's story. */
export const sample = {
  orderId: 'TW-4Q7K2M9XJ3PA',
  customerId: 'cus-7d1m4k2q9x8j3p5a6r0t',
  shipmentId: 'SHP-4Q7K2M9XJ3PA',
  paymentId: 'PAY-4Q7K2M9XJ3PA',
  sku: 'TW-ROPE-10',
  at: '2026-11-24T09:30:00.000Z',
  later: '2026-11-24T09:45:00.000Z',
  address: {
    recipient: 'Ada Lindqvist',
    line1: 'Hafenstraße 12',
    city: 'Hamburg',
    postalCode: '20457',
    country: 'DE',
  },
} as const;
