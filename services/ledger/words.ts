import { z } from 'zod';
import type { FieldError } from '../../platform/errors.ts';
import { passes, type Cause } from './cause.ts';
import { targetOf, type LetterEntry } from './letters.ts';
import { isCut, isEventDoor } from './targets.ts';

/** What a letter needs to have for {@link wordsFor}. */
export type Told = Pick<LetterEntry, 'cause' | 'code' | 'subscriber' | 'state' | 'outcome' | 'givenUpAt'>;

const HAPPENED: Readonly<Record<Cause, (who: string, code: string) => string>> = {
  unreachable: (who) => `${who} could not be reached.`,
  timeout: (who) => `${who} did not answer in time.`,
  overloaded: (who, code) => `${who} took nothing just then${code}.`,
  tokenless: (who) => `There is no token to show to ${who}, so nothing was sent.`,
  failed: (who, code) => `${who} failed with this event${code}.`,
  missing: (who, code) => `${who} said that there is nothing at this address, or not yet${code}.`,
  forbidden: (who, code) => `${who} does not let whoever delivers in${code}.`,
  refused: (who, code) => `${who} refused this event${code}.`,
  unknown: () =>
    'The broker did not say who failed, or why: a subscriber took too long or answered with something that is no event, or a part of the broker was away.',
  reply: (_who, code) =>
    `A subscriber handled this event, but the broker did not take the event that it answered with${code}.`,
  unreadable: () => 'What the broker delivered is no CloudEvent, so nobody can be given it.',
};

/** A sentence or two for whoever has to deal with a dead letter: what happened, what happens next, what to do. */
export function wordsFor(letter: Told): string {
  const { cause, code, subscriber } = letter;
  const happened = HAPPENED[cause](nameOf(subscriber), code === null || code <= 0 ? '' : ` (${code})`);
  return `${happened} ${nextFor(letter)}`;
}

function nextFor(letter: Told): string {
  const { cause, state, outcome, givenUpAt } = letter;
  if (state === 'closed') return ENDED[outcome ?? 'discarded'];
  if (state === 'waiting') return waitingFor(letter);
  if (givenUpAt !== null)
    return 'It was delivered again in vain for as long as REDRIVE_MAX_AGE says, and waits for you now: mend the receiver, then replay it.';
  const target = targetOf(letter);
  if (target.kind === 'claimed' && !isEventDoor(target.url)) return isCut(target.url) ? TOO_LONG : NO_DOOR;
  if (passes(letter))
    return `Its address is not among REDRIVE_HOSTS, so nothing is sent there: if it is yours, add its host there; then replay it, or else discard it.`;
  return TO_DO[cause] ?? 'Mend the cause, then replay it.';
}

function waitingFor(letter: Told): string {
  const { subscriber, cause } = letter;
  if (cause === 'tokenless')
    return 'It goes again by itself, as soon as SUBSCRIBER_TOKEN_DIR has that token; the answer names the file.';
  if (targetOf(letter).kind === 'broker')
    return 'It goes through the broker again by itself; whoever had it already knows it by its id.';
  return `It is delivered again by itself, as soon as ${nameOf(subscriber)} takes it; nothing has to be done but to bring that back.`;
}

const NO_DOOR =
  'Its address is no event door (http://<host>/events, with nothing else in it), so nothing is sent there: replay it with --to and the name of a service, or else discard it.';
const TOO_LONG =
  'Its address is longer than what is kept of one, so nothing is sent there: replay it with --to and the name of a service, or else discard it.';

const ENDED = {
  redriven: 'It was delivered since.',
  replayed: 'It was replayed since.',
  discarded: 'It was discarded.',
} as const;

const TO_DO: Partial<Record<Cause, string>> = {
  forbidden: 'It waits for you: mend the credentials or the policy, then replay it.',
  refused:
    'It would be refused again, so it waits for you: mend the receiver and replay it, or discard it when it is worthless.',
  reply: 'It would be refused again, so it waits for you: mend what the subscriber answers, then replay it.',
  unreadable: 'Look at its body to find who sent it, then discard it.',
};

/** Who an address belongs to: the Service of a host in a cluster, else host and port. */
export function nameOf(address: string): string {
  if (!URL.canParse(address)) return address === '' ? 'The broker' : address;
  const { protocol, pathname, hostname, host } = new URL(address);
  if (protocol === 'service:') return pathname;
  return /\.svc(?:\.|$)/.test(hostname) ? (hostname.split('.', 1)[0] ?? host) : host;
}

/** What an answer says: the sentence and the fields of a problem document (RFC 9457), or else its text. */
export function explain(answer: string): { readonly reason: string; readonly fields: readonly FieldError[] } {
  if (!answer.trimStart().startsWith('{')) return { reason: answer.trim(), fields: [] };
  const { detail, title, errors } = readProblem(answer) ?? salvage(answer);
  return { reason: detail ?? title ?? answer, fields: errors };
}

const problem = z.object({
  detail: z.string().optional(),
  title: z.string().optional(),
  errors: z
    .array(z.object({ field: z.string(), message: z.string() }))
    .catch([])
    .default([]),
});

type Problem = z.infer<typeof problem>;

function readProblem(text: string): Problem | undefined {
  try {
    return problem.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const STRING = '"((?:[^"\\\\]|\\\\.)*)';

/** Reads what is left of a problem document that was cut. */
function salvage(text: string): Problem {
  const member = (name: string): string | undefined => {
    const [, value] = new RegExp(`"${name}"\\s*:\\s*${STRING}`).exec(text) ?? [];
    return value === undefined ? undefined : unescaped(value);
  };
  const pairs = text.matchAll(
    new RegExp(`"field"\\s*:\\s*${STRING}"\\s*,\\s*"message"\\s*:\\s*${STRING}`, 'g'),
  );
  const errors = [...pairs].map(([, field = '', message = '']) => ({
    field: unescaped(field),
    message: unescaped(message),
  }));
  return { detail: member('detail'), title: member('title'), errors };
}

function unescaped(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
