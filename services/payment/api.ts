import { z } from 'zod';
import { paymentIdOf } from '../../events/ids.ts';
import { money, orderId } from '../../events/shapes.ts';
import { problems } from '../../platform/errors.ts';
import { routeFor } from '../../platform/http/route.ts';
import type { Deps } from './handle.ts';
import { totalsOf } from './ledger.ts';
import type { Emits } from './payment.ts';
import { STATUSES, statusOf } from './status.ts';
import { listEntries, payments } from './store.ts';

const route = routeFor<Emits, Deps>();

const sum = z.int().min(0).describe('minor units');

const payment = z.object({
  orderId: z.string(),
  paymentId: z.string(),
  status: z.enum(STATUSES),
  amount: money.optional().describe('absent until the order was placed'),
  authorized: sum,
  captured: sum,
  voided: sum,
  lapsed: sum.describe('authorizations that ended by themselves, in minor units'),
  refunded: sum,
  last4: z.string().optional(),
  reason: z.string().optional(),
  entries: z.array(
    z.object({
      kind: z.enum(['authorized', 'captured', 'voided', 'lapsed', 'refunded']),
      amount: sum,
      at: z.iso.datetime(),
      reference: z.string().describe('what the payment provider calls it'),
    }),
  ),
});

export const getPayment = route({
  method: 'get',
  path: '/api/payments/:orderId',
  summary: 'The payment of an order, with its ledger',
  auth: 'staff',
  params: z.object({ orderId }),
  responses: { 200: { description: 'the payment', schema: payment } },
  handle: async ({ params }, { read }) => {
    const found = await payments.find(read, params.orderId);
    if (!found) throw problems.notFound(`there is no payment for order "${params.orderId}"`);
    const { order, hold, closed, reason = closed } = found;
    const entries = await listEntries(read, params.orderId);
    const body: z.infer<typeof payment> = {
      orderId: params.orderId,
      paymentId: paymentIdOf(params.orderId),
      status: statusOf(found),
      ...(order ? { amount: { amount: order.amount, currency: order.currency } } : {}),
      ...totalsOf(entries),
      ...(hold ? { last4: hold.last4 } : {}),
      ...(reason === undefined ? {} : { reason }),
      entries,
    };
    return { status: 200, body };
  },
});
