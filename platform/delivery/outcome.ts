import type { IncomingHttpHeaders } from 'node:http';
import { parseEvent } from '../cloudevents.ts';
import { messageOf } from '../errors.ts';
import { forwardedOf, type RoutedEvent } from './forwarded.ts';

/** What came of one attempt to deliver an event. */
export type Outcome = Delivered | Failed;

export interface Delivered {
  readonly delivered: true;
  /** The event that the subscriber answered with, and the headers of the answer that travel with it. */
  readonly reply?: RoutedEvent;
}

export interface Failed {
  readonly delivered: false;
  /** HTTP status; 500 when there was no answer, 502 for an answer that is no event. */
  readonly code: number;
  /** Base64 of the answer's first bytes. */
  readonly data: string;
  /** Whether another attempt may help. */
  readonly retry: boolean;
  /**
   * `absent`: nobody is there, or it takes nothing now (503). `silent`: it was reached, but gave no answer; the event
   * itself may be the reason. `answered`: it said what it thinks of the event.
   */
  readonly presence: 'absent' | 'silent' | 'answered';
}

/** `knativeerrordata` has 1024 characters of base64 at most (broker-contract, section 3.4). */
export const MAX_ERROR_BYTES = 768;
const RETRIED = new Set([404, 408, 409, 429]);

/** Judges an answer (broker-contract, sections 3.3 and 4). */
export function judge(status: number, headers: IncomingHttpHeaders, body: Buffer): Outcome {
  if (isSuccess(status)) return judgeSuccess(headers, body);
  return {
    delivered: false,
    code: status,
    data: excerpt(body),
    retry: RETRIED.has(status) || status >= 500,
    presence: status === 503 ? 'absent' : 'answered',
  };
}

/** Whether a status says that the event was taken (section 3.1). */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

const NOBODY_THERE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** No answer at all: refused, reset, timed out. */
export function noAnswer(error: unknown): Failed {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const presence = NOBODY_THERE.has(code) ? 'absent' : 'silent';
  const data = excerpt(Buffer.from(`dispatch error: ${messageOf(error)}`));
  return { delivered: false, code: 500, data, retry: true, presence };
}

/** Nobody is mapped to the Service. */
export function nobodyKnown(address: string): Failed {
  const data = excerpt(Buffer.from(`dispatch error: no address is known for ${address}`));
  return { delivered: false, code: 500, data, retry: true, presence: 'absent' };
}

function judgeSuccess(headers: IncomingHttpHeaders, body: Buffer): Outcome {
  const structured = headers['content-type']?.toLowerCase().startsWith('application/cloudevents') ?? false;
  if (!structured && headers['ce-specversion'] === undefined) {
    return body.length === 0 ? { delivered: true } : notAnEvent(body, 502);
  }
  try {
    return { delivered: true, reply: { ...parseEvent(headers, body), headers: forwardedOf(headers) } };
  } catch (error) {
    return notAnEvent(Buffer.from(messageOf(error)), structured ? 502 : 400);
  }
}

/** A subscriber that answers "OK" as text has failed, however well it meant: Knative sees no event in it. */
export function notAnEvent(body: Buffer, code: number): Failed {
  return {
    delivered: false,
    code,
    data: excerpt(body),
    retry: code >= 500,
    presence: 'answered',
  };
}

function excerpt(body: Buffer): string {
  return body.subarray(0, MAX_ERROR_BYTES).toString('base64');
}
