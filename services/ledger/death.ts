import { createHash } from 'node:crypto';
import { parseEvent, type MessageHeaders, type WireEvent } from '../../platform/cloudevents.ts';
import { diagnose, passes, type Diagnosis } from './cause.ts';
import { isConfidential } from './confidential.ts';
import { isDeliverable } from './letters.ts';
import { cutAddress } from './targets.ts';

/** What a broker brought because it could not deliver it. */
export interface Death extends Diagnosis {
  /** Of the event, its data and the one that failed; what dies again has it again. */
  readonly fingerprint: string;
  readonly classification: 'internal' | 'confidential';
  /** Whether it is to be delivered again by itself. */
  readonly state: 'waiting' | 'held';
  /** Of the event; `undefined` for what is no CloudEvent. */
  readonly attributes: WireEvent['attributes'] | undefined;
  /** What is no CloudEvent came with these. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly body: Buffer;
}

/**
 * Reads a dead letter, whatever it is: what is no CloudEvent is kept as it came.
 * @param broker the broker's front door
 * @param hosts that a dead letter may name as its subscriber
 */
export function readDeath(
  headers: MessageHeaders,
  body: Buffer,
  { broker, hosts }: { readonly broker: string | undefined; readonly hosts: readonly string[] },
): Death {
  const event = readEvent(headers, body);
  if (!event) return unreadable(own(headers), body);
  const { attributes, data = Buffer.alloc(0) } = event;
  const diagnosis = diagnose(attributes, broker);
  const kept = { ...diagnosis, subscriber: cutAddress(diagnosis.subscriber) };
  // Kept decoded as the answer, which is erased with the data.
  const { knativeerrordata: _, ...rest } = attributes;
  return {
    ...kept,
    fingerprint: hashOf([attributes['source'], attributes['id'], diagnosis.subscriber], data),
    classification: isConfidential(attributes) ? 'confidential' : 'internal',
    state: passes(kept) && isDeliverable(kept, hosts) ? 'waiting' : 'held',
    attributes: rest,
    headers: undefined,
    body: data,
  };
}

function readEvent(headers: MessageHeaders, body: Buffer): WireEvent | undefined {
  try {
    return parseEvent(headers, body);
  } catch {
    return undefined;
  }
}

function unreadable(headers: Readonly<Record<string, string>>, body: Buffer): Death {
  const { 'ce-type': type = '', 'ce-dataclassification': dataclassification = '' } = headers;
  const claimed = { type, dataclassification };
  const named = Object.entries(headers).filter(([name]) => !name.startsWith('ce-knative'));
  return {
    cause: 'unreadable',
    subscriber: '',
    code: null,
    answer: '',
    fingerprint: hashOf(
      named.toSorted(([a], [b]) => (a < b ? -1 : 1)),
      body,
    ),
    classification: isConfidential(claimed) ? 'confidential' : 'internal',
    state: 'held',
    attributes: undefined,
    headers,
    body,
  };
}

/** Headers that say what it is; credentials are not among them. */
function own(headers: MessageHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value !== undefined && (name === 'content-type' || name.startsWith('ce-'))
        ? [[name, [value].flat().join(', ')]]
        : [],
    ),
  );
}

function hashOf(key: unknown, body?: Buffer): string {
  return createHash('sha256')
    .update(JSON.stringify(key))
    .update(body ?? '')
    .digest('hex');
}
