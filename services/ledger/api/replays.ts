import { z } from 'zod';
import { problems } from '../../../platform/errors.ts';
import { cursorOf } from '../../../platform/http/cursor.ts';
import { routeFor } from '../../../platform/http/route.ts';
import type { Deps } from '../deps.ts';
import { cancelReplay, startReplay } from '../replay-order.ts';
import { doorOf } from '../targets.ts';
import { leftOf, obstacleIn, type Attempt, type Replay } from '../replay.ts';
import { failuresOf, replayPage, replays } from '../replays.ts';
import { extentOf, pick, type Selection } from '../selection.ts';
import { act, dryRun, events, letters, MAX_LISTED, pickedView, pickedViewOf } from './acts.ts';
import { instant, paging, unseen } from './paging.ts';

const route = routeFor<never, Deps>();
const { schema: cursor, after } = cursorOf('createdAt', 'id');
const MAX_FAILURES = 100;

const order = {
  rate: z.int().min(1).max(1000).default(50).describe('events per second'),
  until: instant.optional().describe('nothing kept, or died, after this instant; the present one by default'),
  dryRun,
  ...act,
};

const ofLetters = z.strictObject({
  of: z.literal('dead-letters'),
  select: letters,
  to: z
    .string()
    .max(63)
    .default('subscriber')
    .describe(
      '"subscriber": each to the one that failed; "broker"; or the name of a service. What is taken there is closed, whoever had failed',
    ),
  ...order,
});

const ofEvents = z.strictObject({
  of: z.literal('events'),
  select: events,
  to: z
    .string()
    .max(63)
    .refine((to) => to !== 'subscriber', 'is for dead letters: say "broker", or the name of a service')
    .default('broker')
    .describe('"broker", or the name of a service'),
  ...order,
});

const failure = z.object({
  at: z.iso.datetime(),
  eventId: z.string(),
  eventType: z.string(),
  code: z.int().nullable(),
  answer: z.string(),
});

const replayView = z.object({
  id: z.string(),
  state: z.enum(['running', 'waiting', 'done', 'cancelled']),
  of: z.enum(['dead-letters', 'events']),
  select: z.looseObject({}),
  to: z.string(),
  rate: z.int(),
  by: z.string(),
  reason: z.string(),
  createdAt: z.iso.datetime(),
  total: z.int().describe('picked when it was ordered'),
  sent: z.int(),
  refused: z.int(),
  left: z.int().describe('at the end 0: what is neither sent nor refused was settled or removed by others'),
  lastError: failure.optional().describe('what it waits for'),
  nextAt: z.iso.datetime().optional(),
});
const replayWithFailures = replayView.extend({
  failures: z.array(failure.extend({ seq: z.int() })).describe(`the first ${MAX_FAILURES} refusals`),
});
const planView = z.object({
  total: z.int(),
  items: z.array(pickedView).describe(`the first ${MAX_LISTED}`),
  until: z.iso.datetime(),
  to: z.string(),
});
const params = z.object({ id: z.uuid() });
const notThere = { description: 'no such replay' };

export const orderReplay = route({
  method: 'post',
  path: '/api/replays',
  summary: 'Send dead letters or kept events again, each under its own id; inboxes know what they had',
  auth: 'staff',
  body: z.discriminatedUnion('of', [ofLetters, ofEvents], {
    error: ({ code }) => (code === 'invalid_union' ? 'must be one of dead-letters, events' : undefined),
  }),
  responses: {
    200: { description: 'a dry run: what would be sent', schema: planView },
    201: { description: 'it has begun; Location tells how it goes on', schema: replayWithFailures },
    422: { description: 'a field that cannot be, or nothing that fits the selection' },
  },
  async handle({ body }, { deps, read, now, commit }) {
    const { to, rate, by, reason, until = now().toISOString() } = body;
    const selection: Selection =
      body.of === 'events'
        ? { of: body.of, select: body.select, until }
        : { of: body.of, select: body.select, until };
    doorOf(to, deps.settings);
    const extent = await extentOf(read, selection);
    if (body.dryRun) {
      const { picked } = await pick(read, selection, extent, MAX_LISTED);
      const plan = { total: extent.total, items: picked.map(pickedViewOf), until, to };
      return { status: 200, headers: unseen, body: plan };
    }
    const wish = { selection, to, rate, by, reason };
    const replay = await commit((tx, scope) => startReplay(tx, wish, extent, scope.now));
    return {
      status: 201,
      headers: { ...unseen, location: `/api/replays/${replay.id}` },
      body: { ...viewOf(replay), failures: [] },
    };
  },
});

export const listReplays = route({
  method: 'get',
  path: '/api/replays',
  summary: 'Replays, the newest first',
  auth: 'staff',
  query: z.object({ ...paging, cursor: cursor.optional().describe('the "next" of the page before') }),
  responses: {
    200: {
      description: 'a page; "next" is there when there are more',
      schema: z.object({ items: z.array(replayView), next: z.string().optional() }),
    },
  },
  async handle({ query: { limit, cursor: before } }, { read }) {
    const found = await replayPage(read, before, limit + 1);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = found.length > limit && last ? { next: after(last) } : {};
    return { status: 200, headers: unseen, body: { items: items.map(viewOf), ...next } };
  },
});

export const showReplay = route({
  method: 'get',
  path: '/api/replays/:id',
  summary: 'One replay: how far it is, and what was refused',
  auth: 'staff',
  params,
  responses: { 200: { description: 'the replay', schema: replayWithFailures }, 404: notThere },
  async handle({ params: { id } }, { read }) {
    const replay = await replays.find(read, id);
    if (!replay) throw problems.notFound(`there is no replay "${id}"`);
    const failures = await failuresOf(read, id, MAX_FAILURES);
    return { status: 200, headers: unseen, body: { ...viewOf(replay), failures } };
  },
});

export const stopReplay = route({
  method: 'post',
  path: '/api/replays/:id/cancel',
  summary: 'End a replay: what is on its way still arrives, nothing more is sent',
  auth: 'staff',
  params,
  body: z.object(act),
  responses: {
    200: { description: 'it is cancelled, now or before', schema: replayView },
    404: notThere,
    409: { description: 'it is done already' },
  },
  async handle({ params: { id }, body }, { commit }) {
    const replay = await commit(async (tx, { now }) => [await cancelReplay(tx, id, body, now), {}] as const);
    return { status: 200, headers: unseen, body: viewOf(replay) };
  },
});

function viewOf(replay: Replay): z.infer<typeof replayView> {
  const { id, state, selection, to, rate, by, reason, createdAt, total, sent, refused } = replay;
  const { nextAt } = replay;
  const obstacle = obstacleIn(replay);
  return {
    id,
    state,
    of: selection.of,
    select: { ...selection.select },
    to,
    rate,
    by,
    reason,
    createdAt,
    total,
    sent,
    refused,
    left: leftOf(replay),
    ...(obstacle ? { lastError: failureOf(obstacle.attempt) } : {}),
    ...(nextAt === undefined ? {} : { nextAt }),
  };
}

function failureOf({ at, eventId, eventType, code, answer }: Attempt): z.infer<typeof failure> {
  return { at, eventId, eventType, code, answer };
}
