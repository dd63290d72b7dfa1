import { z } from 'zod';

/** Lists show operational data; none of it is left in caches. */
export const unseen = { 'cache-control': 'no-store' } as const;

const MAX_PAGE = 500;
const PAGE_SIZE = `must be a whole number from 1 to ${MAX_PAGE}`;

/** Query parameters of every list of the ledger; a cursor is the number of the last entry of the page before. */
export const paging = {
  limit: z.coerce.number(PAGE_SIZE).int(PAGE_SIZE).min(1, PAGE_SIZE).max(MAX_PAGE, PAGE_SIZE).default(100),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, 'is no cursor of ours; send the "next" of the page before')
    .transform(Number)
    .optional()
    .describe('the "next" of the page before'),
};

/** An instant of a query, as ISO 8601 in UTC. */
export const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());
