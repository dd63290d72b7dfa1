import type { Failed } from '../../platform/delivery/outcome.ts';
import type { WireEvent } from '../../platform/cloudevents.ts';
import type { Log } from '../../platform/log.ts';
import { Pump } from '../../platform/pump.ts';
import type { Store } from '../../platform/store/store.ts';
import { nextAttemptAt } from './backoff.ts';
import type { Burial } from './bury.ts';
import type { ByteBudget } from './bytes.ts';
import { causeOf, decodeAnswer, type Cause } from './cause.ts';
import type { Deliverer, Delivery, Target } from './deliver.ts';
import { Gate, type Presence } from './gate.ts';
import {
  closeLetter,
  findLetter,
  idsOf,
  isDeliverable,
  recordAttempt,
  targetOf,
  type Attempt,
  type Letter,
} from './letters.ts';
import type { LedgerSettings } from './settings.ts';
import { fail, waitingFor, type Failure, type WaitingLetter } from './waiting.ts';
import { wordsFor } from './words.ts';

/** What redriving needs of its service. */
export interface RedriveContext {
  readonly store: Store;
  readonly deliverer: Pick<Deliverer, 'deliver'>;
  readonly settings: Pick<
    LedgerSettings,
    'REDRIVE_BACKOFF' | 'REDRIVE_HOSTS' | 'REDRIVE_IN_FLIGHT' | 'REDRIVE_MAX_AGE'
  >;
  readonly now: () => Date;
  readonly log: Log;
  /** For the letters that all lanes have in memory. */
  readonly memory: ByteBudget;
  /** A letter has reached its subscriber. */
  readonly onRedriven: () => void;
  /** Whether letters are this replica's to deliver. */
  readonly isOurs: () => boolean;
}

interface Entry extends WaitingLetter {
  /** Not worked before this instant, in milliseconds. */
  dueAt: number;
  /** When that was stored, by `performance.now()`. */
  decidedAt: number;
}

const MAX_BUFFERED = 500;
/** Letters that all lanes have on their way at once: each counts as a part of their memory, however short it is. */
const MAX_ON_THEIR_WAY = 64;
/** Whoever does not know any more whether it leads looks again after this. */
const IN_DOUBT_MS = 500;
/** The clock may be set. */
const MAX_SLEEP_MS = 300_000;
/** Causes that lie with the receiver as a whole: such a letter need not wait when it may be back. */
const OF_AN_OUTAGE: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'overloaded', 'tokenless']);

/** Delivers the letters of one subscriber again, in the order of arrival per partition key. */
export class Lane {
  readonly #context: RedriveContext;
  readonly #pump: Pump<Entry>;
  readonly #gate: Gate;
  /** Letters that wait because their receiver was away, not for a reason of their own. */
  readonly #parked = new Set<Entry>();
  /** Letters that were worked and are not done, by number. */
  readonly #unfinished = new Map<number, Entry>();
  /** Of the last failure. */
  #cause: Cause | undefined;
  #stopped = false;

  /**
   * @param subscriber its address; empty for the broker
   * @param maxWaiting letters that may be in memory until they go again
   */
  constructor(subscriber: string, context: RedriveContext, maxWaiting: () => number) {
    const { store, settings, log } = context;
    const about = { subscriber: subscriber || 'broker' };
    this.#context = context;
    this.#gate = new Gate({
      wait: settings.REDRIVE_BACKOFF,
      onVacant: () => this.#release(),
      onAway: () =>
        log.warn({ ...about, cause: this.#cause }, 'it takes nothing: its dead letters wait, and one knocks'),
      onReturn: () => {
        log.info(about, 'it is back: its dead letters are delivered');
        this.#release();
      },
    });
    this.#pump = new Pump<Entry>({
      fetch: async (after, limit) => {
        const askedAt = performance.now();
        const letters = await waitingFor(store.read, subscriber, after, limit);
        this.#takeOver(letters, askedAt);
        return letters.map((letter) => asEntry(letter));
      },
      seq: ({ seq }) => seq,
      key: ({ partitionKey }) => partitionKey ?? undefined,
      work: async (entry) => {
        this.#unfinished.set(entry.seq, entry);
        const outcome = await this.#work(entry);
        if (outcome === 'done') this.#unfinished.delete(entry.seq);
        return outcome;
      },
      settle: () => Promise.resolve(),
      maxInFlight: settings.REDRIVE_IN_FLIGHT,
      maxBuffered: MAX_BUFFERED,
      maxWaiting,
      onError: (error) => {
        if (!this.#stopped) log.error({ ...about, err: error }, 'redriving failed; it goes on');
      },
    });
    this.#pump.wake();
  }

  /** Whether it has nothing in memory. */
  get idle(): boolean {
    return this.#pump.held === 0;
  }

  /** Whether nobody is there. */
  get away(): boolean {
    return this.#gate.away;
  }

  /** Says that a letter waits. */
  wake({ seq, news, nextAt }: Burial): void {
    if (news === 'again') {
      // It was settled by others, but in memory it may still wait for its old time.
      this.#pump.goOn((entry) => {
        if (entry.seq === seq) entry.dueAt = dueAtOf(nextAt);
        return entry.seq === seq;
      });
    }
    this.#pump.rewind(seq);
  }

  /** Reads the table anew, for what nobody told of. */
  look(): void {
    this.#pump.rewind();
  }

  /** Starts nothing more; resolves when what is at work is over, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#gate.close();
    await this.#pump.stop(graceMs);
  }

  /** Another replica may have closed a letter and opened it again: its time is that in the table, if it is sooner. */
  #takeOver(letters: readonly WaitingLetter[], askedAt: number): void {
    const sooner = new Set<Entry>();
    for (const { seq, nextAt } of letters) {
      const entry = this.#unfinished.get(seq);
      if (!entry || entry.decidedAt > askedAt || dueAtOf(nextAt) >= entry.dueAt) continue;
      entry.dueAt = dueAtOf(nextAt);
      sooner.add(entry);
    }
    if (sooner.size > 0) this.#pump.goOn((entry) => sooner.has(entry));
  }

  #release(): void {
    for (const entry of this.#parked) entry.dueAt = 0;
    this.#pump.goOn((entry) => this.#parked.has(entry));
    this.#parked.clear();
  }

  async #work(entry: Entry): Promise<'done' | number> {
    const wait = entry.dueAt - this.#context.now().getTime();
    if (wait > 0) return Math.min(wait, MAX_SLEEP_MS);
    if (!this.#context.isOurs()) return IN_DOUBT_MS;
    this.#parked.delete(entry);
    const isProbe = await this.#gate.pass();
    let presence: Presence | undefined;
    try {
      const { memory } = this.#context;
      const share = Math.max(entry.size, Math.floor(memory.total / MAX_ON_THEIR_WAY));
      return await memory.with(share, async () => {
        const letter = await findLetter(this.#context.store.read, entry.seq);
        const event = letter?.state === 'waiting' ? letter.event() : undefined;
        if (this.#stopped || !letter || !event) return 'done';
        const attempt = await this.#attempt(letter, event);
        presence = attempt && presenceOf(attempt.delivery);
        // What the shutdown has cut off may have arrived: nobody knows.
        if (this.#stopped && !attempt?.delivery.delivered) return 'done';
        return await this.#conclude(entry, letter, attempt, isProbe);
      });
    } finally {
      this.#gate.report(presence, isProbe);
    }
  }

  async #attempt(letter: Letter, event: WireEvent): Promise<Attempted | undefined> {
    const { deliverer, settings, now } = this.#context;
    if (!isDeliverable(letter, settings.REDRIVE_HOSTS)) return undefined;
    const target = targetOf(letter);
    const at = now();
    const start = performance.now();
    const delivery = await deliverer.deliver(target, event);
    if (!delivery.delivered) this.#cause = causeOf(delivery.code, decodeAnswer(delivery.data));
    return { target, at, delivery, tookMs: performance.now() - start };
  }

  /** Stores what came of it, with the attempt. */
  async #conclude(
    entry: Entry,
    letter: Letter,
    attempt: Attempted | undefined,
    isProbe: boolean,
  ): Promise<'done' | number> {
    const { store, now, log, onRedriven, settings } = this.#context;
    const { seq, failures } = letter;
    const failure = await store.write(async (tx): Promise<Failure | 'redriven' | 'settled'> => {
      if (attempt) await recordAttempt(tx, seq, noteOf(attempt));
      if (attempt?.delivery.delivered && (await closeLetter(tx, letter, 'redriven', now())))
        return 'redriven';
      const next = nextAttemptAt(now(), failures + 1, settings.REDRIVE_BACKOFF);
      const again = { failures: failures + 1, nextAt: next.toISOString() };
      const failed = failureOf(letter, attempt, isProbe, again);
      return (await fail(tx, seq, failed)) ? failed : 'settled';
    });
    if (failure === 'redriven') onRedriven();
    if (typeof failure === 'string') return 'done';
    if (failure.state === 'held') {
      log.warn(
        { ...idsOf(letter), words: wordsFor({ ...letter, ...failure, ...failure.blame }) },
        'dead letter held',
      );
      return 'done';
    }
    if (attempt && presenceOf(attempt.delivery) !== 'answered') this.#parked.add(entry);
    entry.dueAt = dueAtOf(failure.nextAt);
    entry.decidedAt = performance.now();
    return Math.max(0, entry.dueAt - now().getTime());
  }
}

/** A delivery that was made. */
interface Attempted {
  readonly target: Target;
  readonly at: Date;
  readonly delivery: Delivery;
  readonly tookMs: number;
}

function asEntry(letter: WaitingLetter): Entry {
  const dueAt = OF_AN_OUTAGE.has(letter.cause) ? 0 : dueAtOf(letter.nextAt);
  return { ...letter, dueAt, decidedAt: performance.now() };
}

function dueAtOf(nextAt: string | null): number {
  return nextAt === null ? 0 : Date.parse(nextAt);
}

function presenceOf(delivery: Delivery): Presence {
  return delivery.delivered ? 'answered' : delivery.presence;
}

function noteOf({ target, at, delivery, tookMs }: Attempted): Attempt {
  return {
    at: at.toISOString(),
    by: 'redrive',
    target: target.kind === 'broker' ? 'broker' : target.url,
    ...(delivery.delivered
      ? { code: null, answer: '' }
      : { code: delivery.code, answer: decodeAnswer(delivery.data) }),
    tookMs,
  };
}

function failureOf(
  letter: Letter,
  attempt: Attempted | undefined,
  isProbe: boolean,
  again: Pick<Failure, 'failures' | 'nextAt'>,
): Failure {
  const { failures } = letter;
  // Its address is not allowed any more.
  if (!attempt) return { state: 'held', failures, nextAt: null };
  const { delivery, target } = attempt;
  // It was taken, and has died again before that was known.
  if (delivery.delivered) return { state: 'waiting', ...again };
  if (!delivery.retry) return { state: 'held', failures, nextAt: null, blame: blameFor(letter, delivery) };
  const blame = target.kind === 'broker' || delivery.failedReply ? undefined : blameFor(letter, delivery);
  const isOutage = isProbe && delivery.presence !== 'answered';
  return { state: 'waiting', ...(isOutage ? { failures, nextAt: null } : again), blame };
}

function blameFor({ cause }: Letter, { code, data, failedReply }: Failed & Delivery): Failure['blame'] {
  const answer = decodeAnswer(data);
  return { cause: failedReply || cause === 'reply' ? 'reply' : causeOf(code, answer), code, answer };
}
