import { z } from 'zod';
import { Problem, problems } from '../../../platform/errors.ts';
import { routeFor } from '../../../platform/http/route.ts';
import type { Reader } from '../../../platform/store/store.ts';
import { CAUSES } from '../cause.ts';
import type { Deps } from '../deps.ts';
import { groupsOf } from '../letter-groups.ts';
import { lettersPage } from '../letter-list.ts';
import { attemptsOf, findLetter, isRedacted, type Letter } from '../letters.ts';
import { groupView, groupViewOf, letterView, viewOf, wholeLetterView, wholeViewOf } from './letter-view.ts';
import { instant, paging, unseen } from './paging.ts';

const route = routeFor<never, Deps>();
const MAX_GROUPS = 1000;

const params = z.object({
  id: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'must be the number of a dead letter')
    .transform(Number),
});
const notThere = { description: 'no such dead letter' };
const value = z.string().min(1).max(512).optional();

export const listLetters = route({
  method: 'get',
  path: '/api/dead-letters',
  summary: 'Dead letters, the newest first; without their data',
  auth: 'staff',
  query: z.object({
    state: z.enum(['open', 'waiting', 'held', 'closed']).default('open'),
    subscriber: z
      .string()
      .max(512)
      .optional()
      .describe('its address; empty for those whose broker did not say'),
    type: value,
    cause: z.enum(CAUSES).optional(),
    correlation: value.describe('whose story it belongs to: the number of an order'),
    from: instant.optional().describe('only those that died at this instant or later'),
    to: instant.optional().describe('only those that died before this instant'),
    ...paging,
  }),
  responses: {
    200: {
      description:
        'a page; `next` is the cursor of the following one, absent on the last. Where a filter rarely fits, a page may be short although there is more.',
      schema: z.object({ items: z.array(letterView), next: z.string().optional() }),
    },
  },
  async handle({ query: { limit, cursor, ...filter } }, { read }) {
    const page = await lettersPage(read, filter, cursor ?? Number.MAX_SAFE_INTEGER, limit);
    const next = page.next === undefined ? {} : { next: String(page.next) };
    return { status: 200, headers: unseen, body: { items: page.items.map(viewOf), ...next } };
  },
});

export const groupLetters = route({
  method: 'get',
  path: '/api/dead-letters/groups',
  summary: 'Open dead letters by who failed, what it was, and why; the largest groups first',
  auth: 'staff',
  query: z.object({ state: z.enum(['open', 'waiting', 'held']).default('open') }),
  responses: {
    200: {
      description: `the groups, at most ${MAX_GROUPS}`,
      schema: z.object({ groups: z.array(groupView) }),
    },
  },
  async handle({ query: { state } }, { read, deps: { settings } }) {
    const states = state === 'open' ? (['waiting', 'held'] as const) : [state];
    const groups = await groupsOf(read, states, MAX_GROUPS);
    const views = groups.map((group) => groupViewOf(group, settings.REDRIVE_HOSTS));
    return { status: 200, headers: unseen, body: { groups: views } };
  },
});

export const showLetter = route({
  method: 'get',
  path: '/api/dead-letters/:id',
  summary:
    'One dead letter: why it died, what was tried since, and its data and answers unless it is confidential',
  auth: 'staff',
  params,
  responses: { 200: { description: 'the dead letter', schema: wholeLetterView }, 404: notThere },
  async handle({ params: { id } }, { read }) {
    const letter = await find(read, id);
    const attempts = await attemptsOf(read, id);
    return {
      status: 200,
      headers: unseen,
      body: wholeViewOf(letter, attempts, `/api/dead-letters/${id}/body`),
    };
  },
});

export const downloadLetter = route({
  method: 'get',
  path: '/api/dead-letters/:id/body',
  summary: 'The body of a dead letter, byte by byte',
  auth: 'staff',
  params,
  responses: {
    200: { description: 'the body as it came', contentType: 'application/octet-stream' },
    403: { description: 'it is confidential' },
    404: { description: 'no such dead letter, or erased since it is settled' },
  },
  async handle({ params: { id } }, { read }) {
    const letter = await find(read, id);
    if (!letter.body)
      throw problems.notFound(`the data of dead letter ${id} is erased: it was confidential, and is settled`);
    if (isRedacted(letter)) {
      const detail = `dead letter ${id} is confidential: POST /api/dead-letters/${id}/reveal shows it to whoever says why`;
      throw new Problem(403, 'Forbidden', detail);
    }
    const headers = { ...unseen, 'content-disposition': `attachment; filename="dead-letter-${id}"` };
    return { status: 200, headers, bytes: { type: 'application/octet-stream', content: letter.body } };
  },
});

async function find(reader: Reader, id: number): Promise<Letter> {
  const letter = await findLetter(reader, id);
  if (!letter) throw problems.notFound(`there is no dead letter ${id}`);
  return letter;
}
