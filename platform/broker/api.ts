import { z } from 'zod';
import type { EventContract } from '../contract.ts';
import { problems } from '../errors.ts';
import { routeFor, type Route } from '../http/route.ts';
import { deadLetters, type DeadLetter, type LetterPosition } from './dead-letters.ts';
import type { Switchboard } from './switchboard.ts';

/** What the broker's own API may use. */
export type BrokerDeps = Pick<Switchboard, 'addressOf' | 'retry' | 'discard'>;

const route = routeFor<EventContract, BrokerDeps>();
const PAGE = 100;

const letter = z.object({
  id: z.string(),
  trigger: z.string(),
  broker: z.string(),
  subscriber: z.string(),
  event: z.object({
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string().optional(),
    correlationid: z.string().optional(),
  }),
  code: z.int().describe('HTTP status of the last attempt; 500 when there was no answer'),
  reason: z.string().describe('what the subscriber answered'),
  diedAt: z.iso.datetime(),
  redrives: z.int().describe('how often it was tried again as a whole'),
  waitsFor: z
    .enum(['subscriber', 'person'])
    .describe('a passing cause is tried again by itself; poison is not'),
});

const listDeadLetters = route({
  method: 'get',
  path: '/api/dead-letters',
  summary: 'Events that could not be delivered, newest first; without their data, which may be confidential',
  auth: 'staff',
  query: z.object({
    limit: z.coerce.number().int().min(1).max(500).default(PAGE),
    after: z
      .string()
      .regex(/^[^:]+:\d+$/, 'must be the `next` of the page before')
      .optional()
      .describe('the `next` of the page before'),
  }),
  responses: {
    200: { description: 'a page', schema: z.object({ items: z.array(letter), next: z.string().optional() }) },
  },
  handle: async ({ query: { limit, after } }, { read, deps }) => {
    const letters = await deadLetters(read, after === undefined ? undefined : positionOf(after), limit);
    const items = letters.map((each) => describe(each, deps));
    const next = letters.length === limit ? items.at(-1)?.id : undefined;
    return { status: 200, body: { items, ...(next === undefined ? {} : { next }) } };
  },
});

const letterId = z.string().regex(/^[^:]+:\d+$/, 'must be the `id` of a dead letter');
const params = z.object({ id: letterId });
const gone = { description: 'no such dead letter', contentType: 'application/problem+json' };

const retryDeadLetter = route({
  method: 'post',
  path: '/api/dead-letters/:id/retry',
  summary: 'Deliver a dead letter once more, to the subscriber that refused it',
  auth: 'staff',
  params,
  responses: { 202: { description: 'it waits to be delivered' }, 404: gone },
  async handle({ params: { id } }, { deps }) {
    if (!(await deps.retry(positionOf(id)))) throw problems.notFound(`there is no dead letter "${id}"`);
    return { status: 202 };
  },
});

const discardDeadLetter = route({
  method: 'delete',
  path: '/api/dead-letters/:id',
  summary: 'Forget a dead letter for good',
  auth: 'staff',
  params,
  responses: { 204: { description: 'it is gone' }, 404: gone },
  async handle({ params: { id } }, { deps }) {
    if (!(await deps.discard(positionOf(id)))) throw problems.notFound(`there is no dead letter "${id}"`);
    return { status: 204 };
  },
});

/** The broker's API beside the event door. */
export const routes: readonly Route<EventContract, BrokerDeps>[] = [
  listDeadLetters,
  retryDeadLetter,
  discardDeadLetter,
];

function positionOf(id: string): LetterPosition {
  const [queue = '', seq] = id.split(':');
  return { queue, seq: Number(seq) };
}

function describe(dead: DeadLetter, { addressOf }: BrokerDeps): z.infer<typeof letter> {
  const { id = '', source = '', type = '', subject, correlationid } = dead.attributes;
  return {
    id: `${dead.queue}:${dead.seq}`,
    trigger: dead.queue.split('#', 1)[0] ?? dead.queue,
    broker: dead.broker,
    subscriber: dead.error?.dest ?? addressOf(dead.queue),
    event: { id, source, type, ...(subject ? { subject } : {}), ...(correlationid ? { correlationid } : {}) },
    code: dead.error?.code ?? 0,
    reason: reasonOf(Buffer.from(dead.error?.data ?? '', 'base64').toString('utf8')),
    diedAt: dead.diedAt,
    redrives: dead.redrives,
    waitsFor: dead.redriveAt === null ? 'person' : 'subscriber',
  };
}

/** The sentence of a problem document, or else the answer as it is. */
function reasonOf(answer: string): string {
  try {
    const { detail } = z.object({ detail: z.string() }).parse(JSON.parse(answer));
    return detail;
  } catch {
    return answer;
  }
}
