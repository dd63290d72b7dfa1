import type { Tx } from '../../platform/store/store.ts';
import { nextAttemptAt } from './backoff.ts';
import type { Death } from './death.ts';
import { targetOf, type LetterEntry, type LetterState } from './letters.ts';
import { lookedUp } from './looked-up.ts';

/** Longest id or source that any service takes, in bytes. */
const MAX_KEY = 1024;

/** What became of a death: `again` reopened a letter that was closed, `known` was open already. */
export interface Burial {
  readonly seq: number;
  readonly state: LetterState;
  readonly nextAt: string | null;
  readonly news: 'new' | 'again' | 'known';
}

type Before = Pick<
  LetterEntry,
  'seq' | 'subscriber' | 'cause' | 'state' | 'outcome' | 'failures' | 'diedAt' | 'nextAt' | 'givenUpAt'
>;

/**
 * Keeps a dead letter; one that died before, of the same subscriber, is opened again.
 * @param wait of one that failed for the first time, in milliseconds
 */
export async function bury(tx: Tx, death: Death, now: Date, wait: number): Promise<Burial> {
  const seq = await insert(tx, death, now);
  if (seq !== undefined) {
    await keepBody(tx, seq, death);
    return { seq, state: death.state, nextAt: null, news: 'new' };
  }
  const before = await find(tx, death.fingerprint);
  const { state, nextAt } = await update(tx, death, before, now, wait);
  await keepBody(tx, before.seq, death);
  return { seq: before.seq, state, nextAt, news: before.state === 'closed' ? 'again' : 'known' };
}

async function insert(tx: Tx, death: Death, now: Date): Promise<number | undefined> {
  const { fingerprint, classification, subscriber, cause, code, answer, state, attributes, body } = death;
  const column = (name: string, max?: number): string | null => {
    const value = attributes?.[name];
    return value === undefined ? null : lookedUp(value, max);
  };
  const row = await tx.get<{ seq: number }>(
    `insert into dead_letters (fingerprint, id, source, type, subject, correlation_id, partition_key, classification,
       subscriber, cause, code, answer, size, state, arrivals, attempts, failures, died_at, last_died_at, attributes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, 0, 0, $15, $15, $16)
     on conflict (fingerprint) do nothing returning seq`,
    fingerprint,
    column('id', MAX_KEY),
    column('source', MAX_KEY),
    column('type'),
    column('subject'),
    column('correlationid'),
    column('partitionkey'),
    classification,
    subscriber,
    cause,
    code,
    answer,
    body.length,
    state,
    now.toISOString(),
    attributes === undefined ? null : JSON.stringify(attributes),
  );
  return row?.seq;
}

/** Erased data comes back with the letter; what is still there is the same. */
async function keepBody(tx: Tx, seq: number, { headers, body }: Death): Promise<void> {
  await tx.run(
    'insert into dead_letter_bodies (letter, headers, body) values ($1, $2, $3) on conflict (letter) do nothing',
    seq,
    headers === undefined ? null : JSON.stringify(headers),
    body,
  );
}

async function find(tx: Tx, fingerprint: string): Promise<Before> {
  const before = await tx.get<Before>(
    `select seq, subscriber, cause, state, outcome, failures, died_at as "diedAt", next_at as "nextAt", given_up_at as "givenUpAt"
     from dead_letters where fingerprint = $1 ${tx.dialect.forUpdate}`,
    fingerprint,
  );
  if (!before) throw new Error('a dead letter has gone while it came again');
  return before;
}

async function update(tx: Tx, death: Death, before: Before, now: Date, wait: number): Promise<Course> {
  const { cause, code, answer, attributes, classification } = death;
  const course = courseOf(death, before, now, wait);
  const { state, diedAt, failures, nextAt, givenUpAt } = course;
  await tx.run(
    `update dead_letters set arrivals = arrivals + 1, last_died_at = $2, cause = $3, code = $4, answer = $5,
       state = $6, outcome = null, closed_at = null, died_at = $7, failures = $8, next_at = $9, given_up_at = $10,
       attributes = $11, classification = case when classification = 'internal' then $12 else classification end
     where seq = $1`,
    before.seq,
    now.toISOString(),
    cause,
    code,
    answer,
    state,
    diedAt,
    failures,
    nextAt,
    givenUpAt,
    attributes === undefined ? null : JSON.stringify(attributes),
    classification,
  );
  return course;
}

type Course = Pick<LetterEntry, 'state' | 'diedAt' | 'failures' | 'nextAt' | 'givenUpAt'>;

/** How a letter that dies again goes on. */
function courseOf({ state }: Death, before: Before, now: Date, wait: number): Course {
  const { diedAt, failures, nextAt, givenUpAt } = before;
  if (beginsAnew(state, before)) {
    return { state, diedAt: now.toISOString(), failures: 0, nextAt: null, givenUpAt: null };
  }
  if (state === 'held') return { state, diedAt, failures, nextAt: null, givenUpAt: null };
  if (givenUpAt !== null) return { state: 'held', diedAt, failures, nextAt: null, givenUpAt };
  if (before.state === 'waiting') return { state, diedAt, failures, nextAt, givenUpAt };
  const next = nextAttemptAt(now, failures + 1, wait).toISOString();
  return { state, diedAt, failures: failures + 1, nextAt: next, givenUpAt };
}

/** Whether a new story begins: the last one was settled, or was another one, which a person had to look at. */
function beginsAnew(state: Death['state'], before: Before): boolean {
  if (before.state === 'held') return state === 'waiting' && before.givenUpAt === null;
  // What the broker took and could not deliver again has never arrived: its waits get longer, its time runs out.
  const isRound = before.outcome === 'redriven' && targetOf(before).kind === 'broker';
  return before.state === 'closed' && !isRound;
}
