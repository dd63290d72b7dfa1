import { z } from 'zod';

// What the commands need of the ledger's answers. Loose: an answer may say more, and --json passes all of it on.
const more = z.looseObject;
const instant = z.iso.datetime();
const at = instant.optional();
const code = z.int().nullable();

export const keptEvent = more({
  seq: z.int(),
  id: z.string(),
  source: z.string(),
  type: z.string(),
  subject: z.string().optional(),
  correlationid: z.string().optional(),
  causationid: z.string().optional(),
  time: z.string().optional(),
  keptAt: instant,
  arrivals: z.int(),
});
export type KeptEvent = z.infer<typeof keptEvent>;

const body = {
  data: z.unknown().optional(),
  dataText: z.string().optional(),
  dataBase64: z.string().optional(),
  note: z.string().optional(),
};

export const wholeEvent = more({
  seq: z.int(),
  keptAt: instant,
  arrivals: z.int(),
  attributes: z.record(z.string(), z.string()),
  ...body,
  curl: z.string(),
});
export type WholeEvent = z.infer<typeof wholeEvent>;

const treeLetter = more({
  id: z.int(),
  subscriber: z.string(),
  cause: z.string(),
  state: z.string(),
});
export type TreeLetter = z.infer<typeof treeLetter>;

export const treeNode = more({
  id: z.string(),
  source: z.string().optional(),
  type: z.string().optional(),
  subject: z.string().optional(),
  time: z.string().optional(),
  keptAt: at,
  arrivals: z.int(),
  missing: z.boolean().optional(),
  note: z.string().optional(),
  afterMs: z.number().optional(),
  deadLetters: z.array(treeLetter),
  get children(): z.ZodArray<typeof treeNode> {
    return z.array(treeNode);
  },
});
export type TreeNode = z.infer<typeof treeNode>;

export const tree = more({
  correlation: z.string(),
  events: z.int(),
  deadLetters: z.int(),
  truncated: z.boolean(),
  roots: z.array(treeNode),
});
export type Tree = z.infer<typeof tree>;

export const group = more({
  subscriber: z.string(),
  type: z.string().nullable(),
  cause: z.string(),
  code,
  words: z.string(),
  count: z.int(),
  waiting: z.int(),
  held: z.int(),
  oldest: instant,
  newest: instant,
  example: z.int(),
});
export type Group = z.infer<typeof group>;
export const groups = more({ groups: z.array(group) });

export const letter = more({
  id: z.int(),
  subscriber: z.string(),
  cause: z.string(),
  code,
  state: z.string(),
  outcome: z.string().optional(),
  arrivals: z.int(),
  diedAt: instant,
  event: more({
    id: z.string().optional(),
    source: z.string().optional(),
    type: z.string().optional(),
    subject: z.string().optional(),
    correlationid: z.string().optional(),
  }).optional(),
});
export type Letter = z.infer<typeof letter>;

export const attempt = more({
  at: instant,
  by: z.string(),
  target: z.string(),
  code,
  answer: z.string(),
  tookMs: z.int(),
});

export const wholeLetter = letter.extend({
  words: z.string(),
  answer: z.string(),
  reason: z.string(),
  fields: z.array(more({ field: z.string(), message: z.string() })),
  headers: z.record(z.string(), z.string()).optional(),
  lastDiedAt: instant,
  nextAttemptAt: at,
  givenUpAt: at,
  closedAt: at,
  redacted: z.boolean().optional(),
  erased: z.boolean().optional(),
  ...body,
  attempts: z.array(attempt),
});
export type WholeLetter = z.infer<typeof wholeLetter>;

const failure = more({ at: instant, eventId: z.string(), eventType: z.string(), code, answer: z.string() });
export type Failure = z.infer<typeof failure>;

export const replay = more({
  id: z.string(),
  state: z.enum(['running', 'waiting', 'done', 'cancelled']),
  of: z.enum(['dead-letters', 'events']),
  to: z.string(),
  total: z.int(),
  sent: z.int(),
  refused: z.int(),
  left: z.int(),
  by: z.string(),
  reason: z.string(),
  createdAt: instant,
  lastError: failure.optional(),
});
export type Replay = z.infer<typeof replay>;

export const wholeReplay = replay.extend({ failures: z.array(failure).default([]) });
export type WholeReplay = z.infer<typeof wholeReplay>;

export const auditEntry = more({
  seq: z.int(),
  at: instant,
  by: z.string(),
  action: z.string(),
  detail: more({ reason: z.string().optional() }),
});
export type AuditEntry = z.infer<typeof auditEntry>;

/** What would be done, or was done. */
export const dryRun = more({
  total: z.int(),
  items: z.array(
    more({
      seq: z.int(),
      id: z.string(),
      type: z.string(),
      subject: z.string().nullish(),
      subscriber: z.string().optional(),
    }),
  ),
});
export type DryRun = z.infer<typeof dryRun>;

export const revealed = more({ ...body, answer: z.string() });
export type Revealed = z.infer<typeof revealed>;

export const discarded = dryRun.extend({ total: z.int().default(0), discarded: z.int().optional() });

/** An event as a tree's live stream tells it. */
export const treeNews = keptEvent.extend({ depth: z.int() });
export type TreeNews = z.infer<typeof treeNews>;
