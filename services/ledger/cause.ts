import { isUtf8 } from 'node:buffer';
import type { WireEvent } from '../../platform/cloudevents.ts';

/** Why an event could not be delivered. */
export const CAUSES = [
  'unreachable',
  'timeout',
  'overloaded',
  'tokenless',
  'failed',
  'missing',
  'forbidden',
  'refused',
  'unknown',
  'reply',
  'unreadable',
] as const;

export type Cause = (typeof CAUSES)[number];

/** What a dead letter says of its end. */
export interface Diagnosis {
  readonly cause: Cause;
  /** Address of the one that failed; empty when the broker did not say. */
  readonly subscriber: string;
  readonly code: number | null;
  readonly answer: string;
}

/** Begins the reason why nothing was sent where a token has to be shown. */
export const NO_TOKEN = 'no token for';

/** What the broker does not say: a transport error has no status, and RabbitMQ's writes -1. */
type Code = number | null;

const MAX_ANSWER = 2000;

/**
 * Reads the attributes that a broker adds to a dead letter (broker-contract, section 3.4).
 * @param broker its front door, which is named where a subscriber's reply was not taken
 */
export function diagnose(attributes: WireEvent['attributes'], broker: string | undefined): Diagnosis {
  const { knativeerrordest: dest = '', knativeerrorcode, knativeerrordata } = attributes;
  const code = codeOf(knativeerrorcode);
  const answer = decodeAnswer(knativeerrordata ?? '');
  if (dest === '' && knativeerrorcode === undefined && knativeerrordata === undefined) {
    return { cause: 'unknown', subscriber: '', code, answer };
  }
  const cause = isSameDoor(dest, broker) ? 'reply' : causeOf(code, answer);
  return { cause, subscriber: dest, code, answer };
}

/** The cause that a status and an answer tell of. */
export function causeOf(code: Code, answer: string): Cause {
  if (code === null || code <= 0 || answer.startsWith('dispatch error')) {
    if (answer.startsWith(`dispatch error: ${NO_TOKEN}`)) return 'tokenless';
    return /time[d-]? ?out|deadline|no answer within/i.test(answer) ? 'timeout' : 'unreachable';
  }
  switch (code) {
    case 429:
    case 503:
      return 'overloaded';
    case 404:
    case 408:
    case 409:
      return 'missing';
    case 401:
    case 403:
      return 'forbidden';
    default:
      return code >= 500 ? 'failed' : 'refused';
  }
}

/** Whether it may pass by itself, so that it is worth delivering the event again. */
export function passes({ cause, code }: { readonly cause: Cause; readonly code: Code }): boolean {
  if (cause === 'reply') return passes({ cause: causeOf(code, ''), code });
  return cause !== 'forbidden' && cause !== 'refused' && cause !== 'unreadable';
}

/** The text behind an answer that was put into base64 and cut; what was never base64 is taken as it stands. */
export function decodeAnswer(data: string): string {
  const bytes = Buffer.from(data, 'base64');
  const isBase64 = /^[\w+/-]*={0,2}$/.test(data) && isUtf8(withoutBrokenEnd(bytes));
  const text = isBase64 ? withoutBrokenEnd(bytes).toString('utf8') : data;
  return text.replace(/[^\P{Cc}\n\t]/gu, '\uFFFD').slice(0, MAX_ANSWER);
}

/** Without the beginning of a last character that was cut in two. */
function withoutBrokenEnd(bytes: Buffer): Buffer {
  const cuts = [0, 1, 2, 3].map((length) => bytes.subarray(0, bytes.length - length));
  return cuts.find((cut) => isUtf8(cut)) ?? bytes;
}

function codeOf(text: string | undefined): Code {
  return text !== undefined && /^-?\d{1,3}$/.test(text) ? Number(text) : null;
}

function isSameDoor(address: string, door: string | undefined): boolean {
  if (door === undefined || !URL.canParse(address)) return false;
  const [a, b] = [address, door].map((url) => {
    const { host, pathname } = new URL(url);
    return host + pathname.replace(/\/$/, '');
  });
  return a === b;
}
