import type { WireEvent } from '../../platform/cloudevents.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import type { Cause } from './cause.ts';
import type { Target } from './deliver.ts';
import { isAllowed } from './targets.ts';

/** `waiting`: delivered again by itself. `held`: waits for a person. */
export type LetterState = 'waiting' | 'held' | 'closed';

/** How a dead letter ended. */
export type LetterOutcome = 'redriven' | 'replayed' | 'discarded';

/** A dead letter without what may be large. What is no CloudEvent has no id, source and type that can be relied on. */
export interface LetterEntry {
  readonly seq: number;
  readonly id: string | null;
  readonly source: string | null;
  readonly type: string | null;
  readonly subject: string | null;
  readonly correlationId: string | null;
  readonly partitionKey: string | null;
  readonly classification: string;
  /** Address of the one that failed; empty when the broker did not say. */
  readonly subscriber: string;
  readonly cause: Cause;
  /** Status of the last failure; `null` when the broker did not say. */
  readonly code: number | null;
  /** The beginning of what was answered. */
  readonly answer: string;
  /** Bytes of the body. */
  readonly size: number;
  readonly state: LetterState;
  readonly outcome: LetterOutcome | null;
  /** How often it came here. */
  readonly arrivals: number;
  /** How often it was delivered again, by itself or by hand. */
  readonly attempts: number;
  /** How often it failed again by itself, while its receiver was there. */
  readonly failures: number;
  readonly diedAt: string;
  readonly lastDiedAt: string;
  /** Not delivered again before this instant. */
  readonly nextAt: string | null;
  /** When it had been delivered again in vain for too long. */
  readonly givenUpAt: string | null;
  readonly closedAt: string | null;
}

/** A dead letter with all that is left of it. */
export interface Letter extends LetterEntry {
  /** Of the event, as it came; `undefined` for what is no CloudEvent. */
  readonly attributes: WireEvent['attributes'] | undefined;
  /** What is no CloudEvent came with these. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** What came, byte by byte; `undefined` once it is erased. */
  readonly body: Buffer | undefined;
  /** The event to deliver; `undefined` when there is none, or it is erased. */
  event(): WireEvent | undefined;
}

/** Columns of {@link LetterEntry}. */
export const ENTRY = `seq, id, source, type, subject, correlation_id as "correlationId",
  partition_key as "partitionKey", classification, subscriber, cause, code, answer, size, state, outcome, arrivals,
  attempts, failures, died_at as "diedAt", last_died_at as "lastDiedAt", next_at as "nextAt", given_up_at as "givenUpAt",
  closed_at as "closedAt"`;

interface Row extends LetterEntry {
  readonly attributes: string | null;
  readonly headers: string | null;
  readonly body: Uint8Array | null;
}

/** A dead letter by its number. */
export async function findLetter(reader: Reader, seq: number): Promise<Letter | undefined> {
  const row = await reader.get<Row>(
    `select ${ENTRY}, attributes, headers, body
     from dead_letters left join dead_letter_bodies on letter = seq where seq = $1`,
    seq,
  );
  return row && asLetter(row);
}

function asLetter({ attributes: own, headers, body: bytes, ...entry }: Row): Letter {
  const attributes = textsOf(own);
  const body = bytes === null ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    ...entry,
    attributes,
    headers: textsOf(headers),
    body,
    event: () => attributes && body && { attributes, data: body.length > 0 ? body : undefined },
  };
}

function textsOf(json: string | null): Readonly<Record<string, string>> | undefined {
  return json === null ? undefined : (JSON.parse(json) as Record<string, string>);
}

/** Whether its data, and the answers that may repeat it, are shown only to whoever says why. */
export function isRedacted({ classification }: Pick<LetterEntry, 'classification'>): boolean {
  return classification !== 'internal';
}

/** What the log may say of a dead letter. */
export function idsOf({
  seq,
  id,
  type,
  correlationId,
  subscriber,
  cause,
}: LetterEntry): Record<string, unknown> {
  return { letter: seq, eventId: id, type, correlationId, subscriber, cause };
}

/** Where a dead letter belongs. */
export function targetOf({ subscriber, cause }: Pick<LetterEntry, 'subscriber' | 'cause'>): Target {
  // A broker that knows no address of a subscriber names its Service instead: it alone can tell where that is by now.
  const isUnknown = subscriber === '' || subscriber.startsWith('service:');
  return isUnknown || cause === 'reply' ? { kind: 'broker' } : { kind: 'claimed', url: subscriber };
}

/** Whether a dead letter may be delivered at all: who failed is what it says itself. */
export function isDeliverable(
  letter: Pick<LetterEntry, 'subscriber' | 'cause'>,
  hosts: readonly string[],
): boolean {
  const target = targetOf(letter);
  return target.kind === 'broker' || isAllowed(target.url, hosts);
}

/**
 * Closes a dead letter for good; of one that is not internal the data and all answers, which may repeat it, are erased.
 * A delivery is recorded before.
 * @param letter as it was read before it was sent: one that came again since then has died again. A broker may answer
 * only after that.
 * @returns false when it is closed already, or came again.
 */
export async function closeLetter(
  tx: Tx,
  { seq, arrivals }: Pick<LetterEntry, 'seq' | 'arrivals'>,
  outcome: LetterOutcome,
  now: Date,
): Promise<boolean> {
  const changed = await tx.run(
    `update dead_letters set state = 'closed', outcome = $3, closed_at = $4, next_at = null,
       answer = case when classification = 'internal' then answer else '' end
     where seq = $1 and arrivals = $2 and state <> 'closed'`,
    seq,
    arrivals,
    outcome,
    now.toISOString(),
  );
  if (changed === 0) return false;
  const isSecret = "exists (select 1 from dead_letters where seq = $1 and classification <> 'internal')";
  await tx.run(`delete from dead_letter_bodies where letter = $1 and ${isSecret}`, seq);
  await tx.run(`update attempts set answer = '' where letter = $1 and ${isSecret}`, seq);
  return true;
}

/** One delivery of a dead letter after its death. */
export interface Attempt {
  readonly at: string;
  /** `redrive`, or the id of a replay. */
  readonly by: string;
  /** An address, or `broker`. */
  readonly target: string;
  /** Status of the failure; `null` when it was taken. */
  readonly code: number | null;
  /** The beginning of the answer. */
  readonly answer: string;
  readonly tookMs: number;
}

/** Attempts that are kept of each letter. */
export const MAX_ATTEMPTS = 50;

/** Writes down a delivery; of each letter the last ones stay. What was erased meanwhile gets no answer. */
export async function recordAttempt(tx: Tx, letter: number, attempt: Attempt): Promise<void> {
  const { at, by, target, code, answer, tookMs } = attempt;
  await tx.run(
    `insert into attempts (letter, at, made_by, target, code, answer, took_ms)
     values ($1, $2, $3, $4, $5, case when exists (select 1 from dead_letters
       where seq = $1 and state = 'closed' and classification <> 'internal') then '' else $6 end, $7)`,
    letter,
    at,
    by,
    target,
    code,
    answer,
    Math.round(tookMs),
  );
  await tx.run(
    `delete from attempts where letter = $1
       and seq <= (select seq from attempts where letter = $1 order by seq desc limit 1 offset ${MAX_ATTEMPTS})`,
    letter,
  );
  await tx.run('update dead_letters set attempts = attempts + 1 where seq = $1', letter);
}

/** The last deliveries of a letter, the latest first. */
export function attemptsOf(reader: Reader, letter: number): Promise<Attempt[]> {
  return reader.all(
    `select at, made_by as "by", target, code, answer, took_ms as "tookMs" from attempts
     where letter = $1 order by seq desc`,
    letter,
  );
}
