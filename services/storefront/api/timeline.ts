import { z } from 'zod';
import { problems } from '../../../platform/errors.ts';
import {
  lastEventId,
  liveHeaders,
  position,
  type Live,
  type LiveEvent,
} from '../../../platform/http/live.ts';
import { routeFor } from '../../../platform/http/route.ts';
import type { Deps } from '../handle.ts';
import type { Emits } from '../order.ts';
import type { Reader } from '../../../platform/store/store.ts';
import { isFinished } from '../finished.ts';
import { findOwn, orders } from '../store.ts';
import { entriesAfter, lastEntry, type Entry } from '../timeline.ts';
import { notThere } from './orders.ts';
import { orderPath, refusal } from './schemas.ts';

const route = routeFor<Emits, Deps>();

/** Entries that are read at once. */
const PAGE = 100;

export const showTimeline = route({
  method: 'get',
  path: '/api/orders/:id/timeline',
  summary: 'What happens to one of your orders, live, as server-sent events',
  auth: 'customer',
  params: orderPath,
  query: z.object({ after: position.default(0).describe('number of the last entry you have') }),
  headers: z.object({
    'last-event-id': z.string().optional().describe('what a browser sends when it connects again'),
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
  async handle({ params: { id }, query, header }, { read, now, deps: { sessions, live } }) {
    const after = lastEventId(header('last-event-id')) ?? query.after;
    const customerId = sessions.read(header('cookie'));
    if (customerId === undefined || !(await findOwn(read, id, customerId))) {
      throw problems.notFound(`there is no order "${id}"`);
    }
    const end = await endOf(read, id);
    if (end && end.seq <= after && end.at <= now().getTime()) return { status: 204 };
    const timeline: Live = {
      after,
      topic: id,
      owner: customerId,
      async read(seq) {
        const entries = await entriesAfter(read, id, seq, PAGE);
        return { events: entries.map(told), scanned: entries.at(-1)?.seq ?? seq };
      },
      async left() {
        const at = (await endOf(read, id))?.at;
        return at === undefined ? undefined : at - now().getTime();
      },
    };
    return { status: 200, headers: liveHeaders, stream: (response) => live.follow(response, timeline) };
  },
});

function told({ seq, ...entry }: Entry): LiveEvent {
  return { seq, event: entry.event, data: entry };
}

/** A page that shows a finished order has seen its end by then. */
const GRACE_MS = 30_000;

/** The last entry of an order of which nothing more is to be heard, and when its timelines end. */
async function endOf(read: Reader, orderId: string): Promise<{ seq: number; at: number } | undefined> {
  const order = await orders.find(read, orderId);
  const last = order && isFinished(order) ? await lastEntry(read, orderId) : undefined;
  return last && { seq: last.seq, at: Date.parse(last.at) + GRACE_MS };
}
