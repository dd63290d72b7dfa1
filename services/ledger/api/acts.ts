import { z } from 'zod';
import { MAX_LOOKED_UP } from '../looked-up.ts';
import { CAUSES } from '../cause.ts';
import type { Picked, Selection } from '../selection.ts';
import { instant } from './paging.ts';

const text = () => z.string().regex(/^\P{Cc}*$/u, 'must not have control characters');

/** What the ledger itself signs with. */
const OWN_NAMES = new Set(['retention', 'redrive']);

/** Who acts, by what they say, and why: for the audit log. */
export const act = {
  by: text()
    .trim()
    .min(1)
    .max(100)
    .refine((by) => !OWN_NAMES.has(by.toLowerCase()), 'is what the ledger calls itself: say who you are')
    .default('staff')
    .describe('who does it, as they say; nobody checks it'),
  reason: text().trim().min(3).max(500).describe('why, for the audit log'),
};

export const dryRun = z.boolean().default(false).describe('only say what would be done');

const MAX_IDS = 100;
const value = text().max(MAX_LOOKED_UP).optional();
const shared = {
  all: z.literal(true).optional().describe('everything; nothing may stand beside it'),
  type: value,
  correlation: value.describe('whose story it belongs to: the number of an order'),
  from: instant.optional().describe('kept, or died, at this instant or later'),
  to: instant.optional().describe('kept, or died, before this instant'),
};

/** Open dead letters. */
export const letters = meant(
  z.strictObject({
    ...shared,
    ids: z.array(z.int().min(1)).min(1).max(MAX_IDS).optional().describe('numbers of dead letters'),
    subscriber: text()
      .max(2000)
      .optional()
      .describe('address of the one that failed; empty where it is unknown'),
    cause: z.enum(CAUSES).optional(),
    state: z.enum(['open', 'waiting', 'held']).optional(),
  }),
);

/** Kept events. */
export const events = meant(
  z.strictObject({
    ...shared,
    ids: z.array(text().min(1).max(1024)).min(1).max(MAX_IDS).optional(),
    source: value,
    subject: value,
  }),
);

/** An empty selection is a slip of the pen, not everything. */
function meant<Schema extends z.ZodType<Selection['select']>>(schema: Schema): Schema {
  return schema
    .refine((select) => conditionsOf(select).length > 0, {
      error: 'must have a condition, or "all": true to mean everything',
      when: isFineSoFar,
    })
    .refine((select) => select.all === undefined || conditionsOf(select).length === 1, {
      error: 'means everything: leave out the other conditions, or leave out all',
      path: ['all'],
      when: isFineSoFar,
    });
}

/** A misspelled condition is told as that, and not as a selection that is empty without it. */
function isFineSoFar({ issues }: z.core.ParsePayload): boolean {
  return issues.length === 0;
}

function conditionsOf(select: Selection['select']): unknown[] {
  return Object.values(select).filter((each) => each !== undefined);
}

/** Entries of a dry run, at most. */
export const MAX_LISTED = 100;

/** Something picked, as it is listed. */
export const pickedView = z.object({
  seq: z.int(),
  id: z.string().describe('empty where it is no event; source and type likewise'),
  source: z.string(),
  type: z.string(),
  subject: z.string().optional(),
  at: z.iso.datetime().describe('when it was kept, or died'),
  subscriber: z.string().optional(),
  cause: z.string().optional(),
});

export function pickedViewOf(picked: Picked): z.infer<typeof pickedView> {
  const { seq, id, source, type, subject, at, subscriber, cause } = picked;
  return {
    seq,
    id,
    source,
    type,
    at,
    ...(subject === null ? {} : { subject }),
    ...(subscriber === undefined ? {} : { subscriber, cause }),
  };
}
