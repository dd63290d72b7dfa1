import { z } from 'zod';
import { CAUSES, passes } from '../cause.ts';
import { sizeOf, type LetterGroup } from '../letter-groups.ts';
import { isDeliverable, isRedacted, type Attempt, type Letter, type LetterEntry } from '../letters.ts';
import { show } from '../show.ts';
import { explain, wordsFor } from '../words.ts';

const instant = z.iso.datetime();
const code = z.int().nullable().describe('status of the last failure; null where the broker did not say');
const words = z.string().describe('what happened, what happens next, what to do');

/** A dead letter in a list. */
export const letterView = z.object({
  id: z.int(),
  event: z
    .record(z.string(), z.string())
    .optional()
    .describe('id, source, type, subject and correlationid; absent for what is no CloudEvent'),
  subscriber: z.string().describe('address of the one that failed; empty where the broker did not say'),
  cause: z.enum(CAUSES),
  code,
  state: z
    .enum(['waiting', 'held', 'closed'])
    .describe('waiting: delivered again by itself; held: for a person'),
  outcome: z.enum(['redriven', 'replayed', 'discarded']).optional(),
  words,
  arrivals: z.int().describe('how often it came here'),
  size: z.int().describe('bytes of its body'),
  diedAt: instant,
  lastDiedAt: instant,
  nextAttemptAt: instant.optional().describe('absent: as soon as its subscriber answers'),
  givenUpAt: instant.optional(),
  closedAt: instant.optional(),
});

/** A delivery of a dead letter after its death. */
export const attemptView = z.object({
  at: instant,
  by: z.string().describe('redrive, or the id of a replay'),
  target: z.string(),
  code: z.int().nullable().describe('null: it was taken'),
  answer: z.string(),
  tookMs: z.int(),
});

/** A dead letter with its history; what was answered may repeat confidential data, and is empty where that is. */
export const wholeLetterView = letterView.extend({
  answer: z.string().describe('the beginning of what was answered'),
  reason: z.string().describe('the sentence in it'),
  fields: z
    .array(z.object({ field: z.string(), message: z.string() }))
    .describe('what it says of single fields'),
  headers: z.record(z.string(), z.string()).optional().describe('of what is no CloudEvent'),
  data: z.unknown().optional(),
  dataText: z.string().optional(),
  dataBase64: z.string().optional(),
  note: z.string().optional().describe('that this is not all of it, and where all of it is'),
  redacted: z.literal(true).optional().describe('confidential, as are the answers: see reveal'),
  erased: z.literal(true).optional().describe('confidential and settled'),
  attempts: z.array(attemptView).describe('deliveries since, the latest first'),
  attemptsMade: z.int().describe('all of them; only the latest are kept'),
});

/** Open letters that are alike. */
export const groupView = z.object({
  subscriber: z.string(),
  type: z.string().nullable(),
  cause: z.enum(CAUSES),
  code,
  words,
  count: z.int(),
  waiting: z.int(),
  held: z.int(),
  oldest: instant,
  newest: instant,
  example: z.int().describe('id of the latest of them'),
});

export function viewOf(letter: LetterEntry): z.infer<typeof letterView> {
  const { seq, id, source, type, subject, correlationId: correlationid, cause } = letter;
  const { subscriber, code: status, state, arrivals, size, diedAt, lastDiedAt } = letter;
  const known = { id, source, type, subject, correlationid };
  return {
    id: seq,
    ...(cause === 'unreadable' ? {} : { event: present(known) }),
    subscriber,
    cause,
    code: status,
    state,
    words: wordsFor(letter),
    arrivals,
    size,
    diedAt,
    lastDiedAt,
    ...present({
      outcome: letter.outcome,
      nextAttemptAt: letter.nextAt,
      givenUpAt: letter.givenUpAt,
      closedAt: letter.closedAt,
    }),
  };
}

export function wholeViewOf(
  letter: Letter,
  attempts: readonly Attempt[],
  bodyPath: string,
): z.infer<typeof wholeLetterView> {
  const { attributes, answer } = letter;
  const { reason, fields } = explain(answer);
  // A field's name tells what is wrong without telling what was in it.
  const told = isRedacted(letter)
    ? { answer: '', reason: '', fields: fields.map(({ field }) => ({ field, message: '' })) }
    : { answer, reason, fields: [...fields] };
  return {
    ...viewOf(letter),
    ...(attributes ? { event: attributes } : {}),
    ...told,
    ...bodyOf(letter, bodyPath),
    attempts: isRedacted(letter) ? attempts.map((each) => ({ ...each, answer: '' })) : [...attempts],
    attemptsMade: letter.attempts,
  };
}

export function groupViewOf(group: LetterGroup, hosts: readonly string[]): z.infer<typeof groupView> {
  const { held, newest } = group;
  // What is held for a passing cause was given up, unless nothing may be sent there at all.
  const givenUpAt = passes(group) && isDeliverable(group, hosts) ? newest : null;
  const told = { ...group, state: held > 0 ? 'held' : 'waiting', outcome: null, givenUpAt } as const;
  return { ...group, count: sizeOf(group), words: wordsFor(told) };
}

function bodyOf(letter: Letter, bodyPath: string) {
  const { attributes, headers, body } = letter;
  if (!body) return { erased: true } as const;
  if (isRedacted(letter)) return { redacted: true } as const;
  const type = attributes?.['datacontenttype'] ?? headers?.['content-type'];
  const event = { attributes: type === undefined ? {} : { datacontenttype: type }, data: body };
  return { ...(headers ? { headers } : {}), ...(body.length > 0 ? show(event, bodyPath) : {}) };
}

type Present<T> = { [Name in keyof T]?: NonNullable<T[Name]> };

/** Without what is null. */
function present<T extends Record<string, string | null>>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as Present<T>;
}
