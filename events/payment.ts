import { z } from 'zod';
import { defineEvent } from './define.ts';
import { instant, money, ofOrder, orderRoute, paymentId, sample } from './shapes.ts';

const ofPayment = { ...ofOrder, paymentId };
const reason = z.string().min(1).max(64).describe('a code for machines');
const example = { orderId: sample.orderId, customerId: sample.customerId, paymentId: sample.paymentId };
const amount = { amount: 5470, currency: 'EUR' };
const common = { emitter: 'payment', route: orderRoute } as const;

/** The amount is held on the customer's card. */
export const paymentAuthorized = defineEvent({
  ...common,
  name: 'payment.authorized',
  summary: 'The total is held on the customer’s card; nothing is taken yet.',
  schema: z.object({
    ...ofPayment,
    amount: money.describe('the whole total'),
    last4: z
      .string()
      .regex(/^\d{4}$/)
      .describe('last four digits of the card, to show to its owner'),
    expiresAt: instant.describe('when the provider lets the hold lapse'),
  }),
  example: { ...example, amount, last4: '4242', expiresAt: '2026-12-01T09:30:00.000Z' },
});

/** The provider said no. */
export const paymentDeclined = defineEvent({
  ...common,
  name: 'payment.declined',
  summary: 'The provider declined the payment; the order is over.',
  schema: z.object({ ...ofPayment, reason }),
  example: { ...example, reason: 'card_declined' },
});

/** The hold ends soon, and the provider does not grant another. Shipping decides whether the parcel can be kept back. */
export const paymentRenewalDeclined = defineEvent({
  ...common,
  name: 'payment.renewaldeclined',
  summary:
    'The hold on the card is about to end and the provider declined another: a parcel that is still here must not leave.',
  schema: z.object({ ...ofPayment, reason, expiresAt: instant.describe('when the hold ends') }),
  example: { ...example, reason: 'card_declined', expiresAt: '2026-12-01T09:30:00.000Z' },
});

/** The money was taken, because the parcel left. */
export const paymentCaptured = defineEvent({
  ...common,
  name: 'payment.captured',
  summary: 'The authorized amount was taken, because the parcel has left.',
  schema: z.object({ ...ofPayment, amount: money }),
  example: { ...example, amount },
});

/** The hold was let go. */
export const paymentVoided = defineEvent({
  ...common,
  name: 'payment.voided',
  summary: 'The hold on the customer’s card was let go; nothing was taken.',
  schema: z.object({ ...ofPayment, amount: money, reason }),
  example: { ...example, amount, reason: 'shipment_cancelled' },
});

/** Money that had been taken went back. */
export const paymentRefunded = defineEvent({
  ...common,
  name: 'payment.refunded',
  summary: 'Money that had been taken went back to the customer.',
  schema: z.object({ ...ofPayment, amount: money, reason }),
  example: { ...example, amount, reason: 'shipment_cancelled' },
});

/** The parcel left, but the money could not be taken: the hold had lapsed and a new one was declined. */
export const paymentCaptureFailed = defineEvent({
  ...common,
  name: 'payment.capturefailed',
  summary: 'The parcel left, but the money could not be taken: a person has to look.',
  schema: z.object({ ...ofPayment, amount: money, reason }),
  example: { ...example, amount, reason: 'card_declined' },
});
