import { z } from 'zod';
import { problems } from '../../../platform/errors.ts';
import { routeFor } from '../../../platform/http/route.ts';
import type { Deps } from '../handle.ts';
import type { Emits } from '../order.ts';
import { findOwn } from '../store.ts';
import { streamHeaders } from '../stream.ts';
import { entriesAfter } from '../timeline.ts';
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
    404: notThere,
    503: refusal('too many timelines are open'),
  },
  async handle({ params: { id }, query, header }, { read, closing, deps: { sessions, streams, bell } }) {
    const after = numberOf(header('last-event-id') ?? query.after);
    const order = await findOwn(read, id, sessions.read(header('cookie')));
    if (!order) throw problems.notFound(`there is no order "${id}"`);
    streams.admit();
    return {
      status: 200,
      headers: streamHeaders,
      async stream(response) {
        const listener = bell.listen(id);
        const page = (seq: number, limit: number) => entriesAfter(read, id, seq, limit);
        try {
          await streams.follow(response, { after, listener, closing, read: page });
        } finally {
          listener.close();
        }
      },
    };
  },
});

function numberOf(text: string): number {
  const result = entryNumber.safeParse(text);
  if (result.success) return Number(text);
  const message = 'must be the number of an entry, or 0';
  throw problems.invalid(`last-event-id: ${message}`, [{ field: 'last-event-id', message }]);
}
