import { z } from 'zod';
import { routeFor } from '../../../platform/http/route.ts';
import { auditPage } from '../audit.ts';
import type { Deps } from '../deps.ts';
import { paging, unseen } from './paging.ts';

const route = routeFor<never, Deps>();

const entryView = z.object({
  seq: z.int(),
  at: z.iso.datetime(),
  by: z.string(),
  action: z.enum(['replay', 'cancel', 'discard', 'reveal']),
  detail: z
    .looseObject({ reason: z.string() })
    .describe('what was picked and what came of it; no data of events'),
});

export const listAudit = route({
  method: 'get',
  path: '/api/audit',
  summary: 'What people did by hand, and why; the newest first',
  auth: 'staff',
  query: z.object(paging),
  responses: {
    200: {
      description: 'a page; "next" is there when there are more',
      schema: z.object({ items: z.array(entryView), next: z.string().optional() }),
    },
  },
  async handle({ query: { limit, cursor } }, { read }) {
    const found = await auditPage(read, cursor, limit + 1);
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const next = found.length > limit && last ? { next: String(last.seq) } : {};
    return { status: 200, headers: unseen, body: { items, ...next } };
  },
});
