import { z } from 'zod';
import { problems } from '../../../platform/errors.ts';
import { lastEventId, liveHeaders, position } from '../../../platform/http/live.ts';
import { routeFor } from '../../../platform/http/route.ts';
import { latestSeq } from '../archive.ts';
import type { Deps } from '../deps.ts';
import { Lineage } from '../lineage.ts';
import { MAX_LOOKED_UP } from '../looked-up.ts';
import { search } from '../search.ts';
import { MAX_EVENTS, readStory } from '../story.ts';
import { MAX_DEPTH, treeOf } from '../tree.ts';
import { viewOf } from './event-view.ts';
import { unseen } from './paging.ts';

const route = routeFor<never, Deps>();
const params = z.object({
  correlation: z.string().min(1).max(MAX_LOOKED_UP).describe('whose story: the number of an order'),
});

const letterView = z.object({
  id: z.int().describe('number of the dead letter'),
  subscriber: z.string(),
  cause: z.string(),
  state: z.enum(['waiting', 'held', 'closed']),
  words: z.string().describe('what happened, what happens next, what to do'),
});

const nodeView = z.object({
  id: z.string(),
  source: z.string().optional(),
  type: z.string().optional(),
  subject: z.string().optional(),
  time: z.string().optional(),
  keptAt: z.iso.datetime().optional(),
  emitter: z.string().optional().describe('the service of the shop that says it'),
  arrivals: z.int(),
  duplicate: z.boolean().describe('it came more than once'),
  missing: z.literal(true).optional().describe('it is not kept, and `note` says why'),
  note: z.string().optional(),
  afterMs: z.number().optional().describe('milliseconds since its cause, by their own clocks'),
  deadLetters: z.array(letterView),
  children: z
    .array(z.unknown())
    .describe(`what it brought about, as nodes like this one; ${MAX_DEPTH} levels at most`),
});

export const showTree = route({
  method: 'get',
  path: '/api/trees/:correlation',
  summary:
    'A story as trees: every event below the one that caused it, with gaps, duplicates and dead letters',
  auth: 'staff',
  params,
  responses: {
    200: {
      description: `the story; \`truncated\` when it has more than ${MAX_EVENTS} events`,
      schema: z.object({
        correlation: z.string(),
        events: z.int(),
        deadLetters: z.int(),
        truncated: z.boolean(),
        roots: z.array(nodeView),
      }),
    },
    404: { description: 'nothing is known of it' },
  },
  async handle({ params: { correlation } }, { read }) {
    const { truncated, ...story } = await readStory(read, correlation);
    const { events, letters } = story;
    if (events.length + letters.length === 0) {
      throw problems.notFound(
        `nothing is kept of "${correlation}": nothing has happened to it yet, it is older than the archive, or its name is another`,
      );
    }
    const counts = { events: events.length, deadLetters: letters.length };
    const body = { correlation, ...counts, truncated, roots: treeOf(story) };
    return { status: 200, headers: unseen, body };
  },
});

/** Events of a stream that are read at once. */
const STREAM_PAGE = 100;

export const streamTree = route({
  method: 'get',
  path: '/api/trees/:correlation/stream',
  summary: 'A story as it happens, as server-sent events',
  auth: 'staff',
  params,
  query: z.object({ after: position.default(0).describe('seq of the last event you have') }),
  headers: z.object({
    'last-event-id': z.string().optional().describe('what a browser sends when it connects again'),
  }),
  responses: {
    200: {
      description:
        '`event: kept`, in the order of keeping; id is its seq, data is JSON like an entry of the list of events, with `parent`, `depth` (causes above it) and `afterMs`',
      contentType: 'text/event-stream',
    },
    503: { description: 'too many streams are open' },
  },
  async handle({ params: { correlation }, query: { after }, header }, { read, deps: { live, watermark } }) {
    const asked = lastEventId(header('last-event-id')) ?? after;
    const lineage = new Lineage(read);
    const from = Math.min(asked, await latestSeq(read));
    return {
      status: 200,
      headers: liveHeaders,
      stream: (response) =>
        live.follow(response, {
          after: from,
          async read(start) {
            const { upTo, waits } = await watermark.look();
            const way = { direction: 'oldest first', start, end: upTo } as const;
            const { events, scanned } = await search(read, { correlation }, way, STREAM_PAGE);
            const told = [];
            for (const event of events) {
              const parent = event.causationId === null ? {} : { parent: event.causationId };
              const data = { ...viewOf(event), ...parent, ...(await lineage.place(event)) };
              told.push({ seq: event.seq, event: 'kept', data });
            }
            return { events: told, scanned, waits };
          },
        }),
    };
  },
});
