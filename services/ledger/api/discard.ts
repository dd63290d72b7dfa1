import { z } from 'zod';
import { routeFor } from '../../../platform/http/route.ts';
import type { Tx } from '../../../platform/store/store.ts';
import type { Deps } from '../deps.ts';
import { discard } from '../discard.ts';
import { extentOf, pick, refuseNothing } from '../selection.ts';
import { act, dryRun, letters, MAX_LISTED, pickedView, pickedViewOf } from './acts.ts';
import { instant, unseen } from './paging.ts';

const route = routeFor<never, Deps>();

const answer = z.object({
  discarded: z.int().optional(),
  total: z.int().optional().describe('of a dry run: how many would be discarded'),
  items: z.array(pickedView).describe(`the first ${MAX_LISTED}`),
  until: z.iso.datetime(),
});

export const discardLetters = route({
  method: 'post',
  path: '/api/dead-letters/discard',
  summary: 'Close dead letters undelivered; what is confidential in them is erased',
  auth: 'staff',
  body: z.object({
    select: letters,
    until: instant.optional().describe('nothing that died after this instant; the present one by default'),
    dryRun,
    ...act,
  }),
  responses: {
    200: { description: 'what was discarded, or would be', schema: answer },
    422: { description: 'a field that cannot be, or nothing that fits the selection' },
  },
  async handle({ body }, { read, now, commit }) {
    const { select, by, reason, until = now().toISOString() } = body;
    const selection = { of: 'dead-letters', select, until, unreadable: true } as const;
    const extent = await extentOf(read, selection);
    const { picked } = await pick(read, selection, extent, MAX_LISTED);
    const listed = { items: picked.map(pickedViewOf), until };
    if (body.dryRun) return { status: 200, headers: unseen, body: { total: extent.total, ...listed } };
    refuseNothing(selection, extent);
    const step = <T>(work: (tx: Tx, now: Date) => Promise<T>): Promise<T> =>
      commit(async (tx, scope) => [await work(tx, scope.now), {}] as const);
    const discarded = await discard(read, step, { selection, by, reason }, extent);
    return { status: 200, headers: unseen, body: { discarded, ...listed } };
  },
});
