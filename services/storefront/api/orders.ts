import { z } from 'zod';
import { problems } from '../../../platform/errors.ts';
import { routeFor } from '../../../platform/http/route.ts';
import { cancel } from '../change.ts';
import type { Deps } from '../handle.ts';
import { bringsSession, keyOf } from '../idempotency.ts';
import type { Emits } from '../order.ts';
import { place } from '../place.ts';
import { findAddress, findOwn, ordersOf } from '../store.ts';
import { addressRevisionOf, outcomeOf, summaryOf, viewOf } from '../view.ts';
import { afterOf, cursor } from './cursor.ts';
import {
  changeRequest,
  orderAccepted,
  orderPath,
  orderRequest,
  orderSummary,
  orderView,
  refusal,
} from './schemas.ts';
import { customerOf, needsSession } from './session.ts';

const route = routeFor<Emits, Deps>();
const unseen = { 'cache-control': 'no-store' } as const;
export const notThere = refusal('no such order, or not yours');

export const placeOrder = route({
  method: 'post',
  path: '/api/orders',
  summary: 'Place an order; the first one brings the session as a cookie',
  auth: 'none',
  headers: z.object({
    'idempotency-key': z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe(
        'a UUID: a repeat under the same key within a day gets the first answer again; without a session, the session comes again only under a key of 16 characters or more',
      ),
  }),
  body: orderRequest,
  responses: {
    201: {
      description: 'placed, or placed before under this key; Location is the order',
      schema: orderAccepted,
    },
    422: refusal('a field that cannot be, a country not served, or a key used for another order'),
  },
  async handle({ body: request, header }, { deps: { sessions }, commit }) {
    const customerId = sessions.read(header('cookie'));
    const keyed = keyOf(header('idempotency-key'), request);
    const { answer, replayed } = await commit((tx, scope) =>
      place(tx, { request, customerId, keyed }, scope),
    );
    const isNewSession = customerId === undefined && (!replayed || (keyed && bringsSession(keyed)));
    return {
      status: 201,
      headers: {
        ...unseen,
        location: `/api/orders/${answer.id}`,
        ...(isNewSession ? { 'set-cookie': sessions.cookie(answer.customerId) } : {}),
        ...(replayed ? { 'idempotency-replayed': 'true' } : {}),
      },
      body: answer,
    };
  },
});

export const listOrders = route({
  method: 'get',
  path: '/api/orders',
  summary: 'Your orders, newest first',
  auth: 'customer',
  precheck: needsSession,
  query: z.object({
    limit: z
      .string()
      .regex(/^([1-9]\d?|100)$/, 'must be a whole number from 1 to 100')
      .default('20'),
    cursor: cursor.optional().describe('the "next" of the page before'),
  }),
  responses: {
    200: {
      description: 'a page of orders; "next" is there when there are more',
      schema: z.object({ items: z.array(orderSummary), next: z.string().optional() }),
    },
    401: refusal('no session'),
  },
  async handle({ query, header }, { read, deps }) {
    const customerId = customerOf(header, deps);
    const limit = Number(query.limit);
    const found = await ordersOf(read, customerId, query.cursor, limit + 1);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = found.length > limit && last ? { next: afterOf(last) } : {};
    return { status: 200, headers: unseen, body: { items: items.map(summaryOf), ...next } };
  },
});

export const showOrder = route({
  method: 'get',
  path: '/api/orders/:id',
  summary: 'One of your orders, with its payment, its parcel and what became of your requests',
  auth: 'customer',
  params: orderPath,
  responses: { 200: { description: 'the order', schema: orderView }, 404: notThere },
  async handle({ params: { id }, header }, { read, deps: { sessions } }) {
    const order = await findOwn(read, id, sessions.read(header('cookie')));
    if (!order) throw problems.notFound(`there is no order "${id}"`);
    const address = await findAddress(read, order.customerId, addressRevisionOf(order));
    return { status: 200, headers: unseen, body: viewOf(order, address) };
  },
});

export const cancelOrder = route({
  method: 'post',
  path: '/api/orders/:id/cancellation',
  summary: 'Ask for an order to be cancelled; shipping answers, see "requests" of the order',
  auth: 'customer',
  params: orderPath,
  responses: {
    202: { description: 'asked, now or before', schema: changeRequest },
    404: notThere,
    409: refusal('the order is over, or the parcel has left'),
  },
  async handle({ params: { id }, header }, { commit, deps: { sessions } }) {
    const customerId = sessions.read(header('cookie'));
    const order = await commit((tx, scope) => cancel(tx, id, customerId, scope));
    const request = order.requests.find(({ kind }) => kind === 'cancellation');
    return { status: 202, body: request && { ...request, ...outcomeOf(order, request) } };
  },
});
