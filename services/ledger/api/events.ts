import { z } from 'zod';
import type { WireEvent } from '../../../platform/cloudevents.ts';
import { problems } from '../../../platform/errors.ts';
import { lastEventId, liveHeaders, position } from '../../../platform/http/live.ts';
import { routeFor } from '../../../platform/http/route.ts';
import type { Reader } from '../../../platform/store/store.ts';
import { eventsWithId, latestSeq, wholeEvent, type Kept } from '../archive.ts';
import { curlOf } from '../curl.ts';
import type { Deps } from '../deps.ts';
import { MAX_LOOKED_UP } from '../looked-up.ts';
import { search, seqsBetween, type Filter } from '../search.ts';
import { show } from '../show.ts';
import { eventView, viewOf, wholeEventView } from './event-view.ts';
import { instant, paging, unseen } from './paging.ts';

const route = routeFor<never, Deps>();
const value = z.string().min(1).max(MAX_LOOKED_UP).optional();
const filter = {
  type: value.describe('like shop.tradewind.order.placed.v1'),
  source: value.describe('like /tradewind/storefront'),
  subject: value.describe('what it is about: an order, a shipment, an article'),
  correlation: value.describe('whose story it belongs to: the number of an order'),
};
/** Events of a stream that are read at once. */
const STREAM_PAGE = 100;

export const listEvents = route({
  method: 'get',
  path: '/api/events',
  summary: 'The events kept, the newest first',
  auth: 'staff',
  query: z.object({
    ...filter,
    from: instant.optional().describe('only those kept at this instant or later'),
    to: instant.optional().describe('only those kept before this instant'),
    ...paging,
  }),
  responses: {
    200: {
      description:
        'a page; `next` is the cursor of the following one, absent on the last. Where two filters rarely meet, a page may be short although there is more.',
      schema: z.object({ items: z.array(eventView), next: z.string().optional() }),
    },
  },
  async handle({ query: { from, to, limit, cursor, ...wanted } }, { read }) {
    const { first, end } = await seqsBetween(read, { from, to });
    const way = { direction: 'newest first', start: Math.min(cursor ?? end, end), end: first } as const;
    const { events, scanned, more } = await search(read, wanted, way, limit);
    const next = more ? { next: String(scanned) } : {};
    return { status: 200, headers: unseen, body: { items: events.map(viewOf), ...next } };
  },
});

export const streamEvents = route({
  method: 'get',
  path: '/api/events/stream',
  summary: 'Events as they are kept, as server-sent events',
  auth: 'staff',
  query: z.object({
    ...filter,
    after: position.optional().describe('0: from the first one kept; without it from now on'),
  }),
  headers: z.object({
    'last-event-id': z.string().optional().describe('what a browser sends when it connects again'),
  }),
  responses: {
    200: {
      description: '`event: kept`; id is its seq, data is JSON like an entry of the list',
      contentType: 'text/event-stream',
    },
    503: { description: 'too many streams are open' },
  },
  async handle({ query: { after, ...wanted }, header }, { read, deps }) {
    const asked = lastEventId(header('last-event-id')) ?? after ?? (await deps.watermark.present());
    // Nothing is beyond the latest one, unless this is another archive than the reader knew.
    const from = Math.min(asked, await latestSeq(read));
    return {
      status: 200,
      headers: liveHeaders,
      stream: (response) =>
        deps.live.follow(response, { after: from, read: (seq) => keptAfter(read, deps, wanted, seq) }),
    };
  },
});

const params = z.object({ id: z.string().min(1).max(1024) });
const query = z.object({
  source: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('which one, where several sources have used the id'),
});
const refusals = {
  404: { description: 'no such event is kept' },
  409: { description: 'several sources have used this id; the answer names them' },
};

export const showEvent = route({
  method: 'get',
  path: '/api/events/:id',
  summary: 'One event as it was on the wire, and the curl that posts it again',
  auth: 'staff',
  params,
  query,
  responses: { 200: { description: 'the event', schema: wholeEventView }, ...refusals },
  async handle({ params: { id }, query: { source } }, { read, deps: { brokerUrl } }) {
    const { kept, event } = await find(read, id, source);
    const { seq, keptAt, arrivals, size } = kept;
    const { attributes } = event;
    const curl = curlOf(event, brokerUrl);
    const body = { seq, keptAt, arrivals, size, attributes, ...show(event, dataPath(kept)), curl };
    return { status: 200, headers: unseen, body };
  },
});

export const downloadData = route({
  method: 'get',
  path: '/api/events/:id/data',
  summary: 'The data of one event, byte by byte',
  auth: 'staff',
  params,
  query,
  responses: {
    200: { description: 'the data as it came', contentType: 'application/octet-stream' },
    ...refusals,
  },
  async handle({ params: { id }, query: { source } }, { read }) {
    const { event } = await find(read, id, source);
    const headers = { ...unseen, 'content-disposition': 'attachment; filename="data"' };
    const content = event.data ?? Buffer.alloc(0);
    return { status: 200, headers, bytes: { type: 'application/octet-stream', content } };
  },
});

async function keptAfter(read: Reader, { watermark }: Deps, wanted: Filter, seq: number) {
  const { upTo, waits } = await watermark.look();
  if (upTo <= seq) return { events: [], scanned: seq, waits };
  const way = { direction: 'oldest first', start: seq, end: upTo } as const;
  const { events, scanned } = await search(read, wanted, way, STREAM_PAGE);
  const told = events.map((event) => ({ seq: event.seq, event: 'kept', data: viewOf(event) }));
  return { events: told, scanned, waits };
}

async function find(
  read: Reader,
  id: string,
  source: string | undefined,
): Promise<{ kept: Kept; event: WireEvent }> {
  const all = await eventsWithId(read, id, source);
  if (all.length > 1) {
    const sources = all.map((each) => each.source).join(', ');
    throw problems.conflict(
      `${all.length} sources have used the id "${id}": add ?source= with one of ${sources}`,
    );
  }
  const [kept] = all;
  const event = kept && (await wholeEvent(read, kept.seq));
  if (kept && event) return { kept, event };
  const from = source === undefined ? '' : ` of ${source}`;
  throw problems.notFound(
    `no event "${id}"${from} is kept: it is confidential, older than the archive, or was never here`,
  );
}

function dataPath({ id, source }: Kept): string {
  return `/api/events/${encodeURIComponent(id)}/data?source=${encodeURIComponent(source)}`;
}
