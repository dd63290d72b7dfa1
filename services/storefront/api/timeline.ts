import { z } from 'zod';
import { problems } from '../../../platform/errors.ts';
import { routeFor } from '../../../platform/http/route.ts';
import type { Deps } from '../handle.ts';
import type { Emits } from '../order.ts';
import type { Reader } from '../../../platform/store/store.ts';
import { isFinished } from '../finished.ts';
import { findOwn, orders } from '../store.ts';
import { streamHeaders } from '../stream.ts';
import { entriesAfter, lastEntry } from '../timeline.ts';
import { notThere } from './orders.ts';
import { orderPath, refusal } from './schemas.ts';

const route = routeFor<Emits, Deps>();

const entryNumber = z.string().regex(/^\d{1,15}$/, 'must be the number of an entry, or 0');

export const showTimeline = route({
  method: 'get',
  path: '/api/orders/:id/timeline',
  summary: 'What happens to one of your orders, live, as server-sent events',
  auth: 'customer',
  params: orderPath,
  query: z.object({ after: entryNumber.default('0').describe('number of the last entry you have') }),
  headers: z.object({
    'last-event-id': entryNumber.optional().describe('what a browser sends when it connects again'),
  }),
  responses: {
    200: {
      description: 'one event per entry: id is its number, data is JSON {at, event, text, status}',
      contentType: 'text/event-stream',
    },
    204: { description: 'you have everything, and nothing more is to come' },
    404: notThere,
    429: refusal('too many of your timelines are open'),
    503: refusal('too many timelines are open'),
  },
  async handle({ params: { id }, query, header }, { read, closing, now, deps: { sessions, streams, bell } }) {
    const after = numberOf(header('last-event-id') ?? query.after);
    const customerId = sessions.read(header('cookie'));
    if (customerId === undefined || !(await findOwn(read, id, customerId))) {
      throw problems.notFound(`there is no order "${id}"`);
    }
    const end = await endOf(read, id);
    if (end && end.seq <= after && end.at <= now().getTime()) return { status: 204 };
    streams.admit(customerId);
    return {
      status: 200,
      headers: streamHeaders,
      async stream(response) {
        const listener = bell.listen(id);
        const page = (seq: number, limit: number) => entriesAfter(read, id, seq, limit);
        try {
          await streams.follow(response, {
            customerId,
            after,
            listener,
            closing,
            read: page,
            left: async () => {
              const at = (await endOf(read, id))?.at;
              return at === undefined ? undefined : at - now().getTime();
            },
          });
        } finally {
          listener.close();
        }
      },
    };
  },
});

/** A page that shows a finished order has seen its end by then. */
const GRACE_MS = 30_000;

/** The last entry of an order of which nothing more is to be heard, and when its timelines end. */
async function endOf(read: Reader, orderId: string): Promise<{ seq: number; at: number } | undefined> {
  const order = await orders.find(read, orderId);
  const last = order && isFinished(order) ? await lastEntry(read, orderId) : undefined;
  return last && { seq: last.seq, at: Date.parse(last.at) + GRACE_MS };
}

function numberOf(text: string): number {
  const result = entryNumber.safeParse(text);
  if (result.success) return Number(text);
  const message = 'must be the number of an entry, or 0';
  throw problems.invalid(`last-event-id: ${message}`, [{ field: 'last-event-id', message }]);
}
