import type { Log } from '../log.ts';
import { Pump } from '../pump.ts';
import type { Store, Tx } from '../store/store.ts';
import { nextTtl, type Acceptance } from './accept.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import type { DeliveryPolicy } from './delivery-policy.ts';
import type { EventCache } from './event-cache.ts';
import type { Failed, Outcome } from './outcome.ts';
import * as letters from './dead-letters.ts';
import { deadLetterRequest, deliveryRequest } from './request.ts';
import * as store from './store.ts';
import type { Subscriber, Waiting } from './subscriber.ts';

/** What all queues of a broker share. */
export interface QueueContext {
  readonly store: Store;
  readonly cache: EventCache;
  readonly acceptance: Acceptance;
  readonly log: Log;
  readonly metrics: BrokerMetrics;
  readonly now: () => Date;
}

export interface QueueOptions {
  /** Name of the Trigger, or of its dead letters' queue. */
  readonly name: string;
  readonly namespace: string;
  readonly policy: DeliveryPolicy;
  readonly subscriber: Subscriber;
  readonly ordered: boolean;
  /** Where deliveries go that failed for good; without one they are kept in this queue. */
  readonly deadLetters?: DeliveryQueue;
  /** This queue brings dead letters to their sink. */
  readonly toSink: boolean;
}

/** A delivery in memory. */
interface Work extends Omit<store.Delivery, 'attempts'> {
  attempts: number;
  /** The last attempt was not answered: it is made again as soon as the subscriber answers anything. */
  unanswered?: boolean;
  /** What the last attempt has decided. */
  fate?: Fate;
}

type Fate =
  | {
      readonly kind: 'delivered';
      readonly event: store.HeldEvent;
      readonly outcome: Outcome & { delivered: true };
    }
  | {
      readonly kind: 'dead';
      readonly event: store.HeldEvent;
      readonly error: store.DeliveryError;
      readonly passing: boolean;
    }
  | { readonly kind: 'gone' };

const MAX_IN_FLIGHT = 64;
const MAX_BUFFERED = 1000;
const FIRST_REDRIVE_MS = 1000;
const MAX_REDRIVE_MS = 300_000;
/** About three days; then a person has to look. */
const MAX_REDRIVES = 900;
/** A letter that itself brings its subscriber down must not do so at every return. */
const QUICK_REDRIVES = 3;

/**
 * Delivers one Trigger's events: attempts, waits and tries again as the policy says, and sends to the dead letters
 * what failed for good. What is left to deliver is on disk at every moment.
 */
export class DeliveryQueue implements Waiting {
  readonly name: string;
  readonly #context: QueueContext;
  readonly #options: QueueOptions;
  readonly #pump: Pump<Work>;
  /** Sequence of the delivery that was probed with last. */
  #probed = 0;

  constructor(context: QueueContext, options: QueueOptions) {
    this.name = options.name;
    this.#context = context;
    this.#options = options;
    const { store: database, log } = context;
    this.#pump = new Pump<Work>({
      fetch: (after, limit) => store.waitingDeliveries(database.read, this.name, after, limit),
      seq: (work) => work.seq,
      key: (work) => (options.ordered ? (work.partitionKey ?? undefined) : undefined),
      work: (work) => this.#work(work),
      settle: (works) => database.write((tx) => this.#settle(tx, works)),
      maxInFlight: MAX_IN_FLIGHT,
      maxBuffered: MAX_BUFFERED,
      onError: (error) =>
        log.error({ err: error, trigger: this.name }, 'a delivery failed inside; it goes on'),
    });
    options.subscriber.attach(this);
  }

  /** Says that there may be something new to deliver. */
  wake(): void {
    this.#pump.wake();
  }

  /** Starts no further attempt; resolves when those at work are over and stored, or after `graceMs`. */
  stop(graceMs: number): Promise<void> {
    return this.#pump.stop(graceMs);
  }

  /**
   * Puts dead letters back whose time has come; while the subscriber is away, its return does that. Once there is a
   * sink to bring them to, they go there instead.
   */
  async redrive(): Promise<void> {
    const { store: database, now } = this.#context;
    const { deadLetters, subscriber } = this.#options;
    if (deadLetters?.takes) await this.#handOver(deadLetters);
    else if (!subscriber.away && (await letters.isDue(database.read, this.name, now())))
      await this.#revive(0);
  }

  /** Puts one dead letter back. @returns whether it was there. */
  async retry(seq: number): Promise<boolean> {
    const found = await this.#context.store.write((tx) => letters.retryLetter(tx, seq, this.name));
    if (found) this.#pump.rewind();
    return found;
  }

  /** Forgets one dead letter. @returns whether it was there. */
  discard(seq: number): Promise<boolean> {
    return this.#context.store.write((tx) => letters.discardLetter(tx, seq, this.name));
  }

  async recover(): Promise<void> {
    try {
      await this.#revive(QUICK_REDRIVES);
    } finally {
      this.#pump.goOn((work) => work.unanswered === true);
    }
  }

  async probe(): Promise<Outcome | undefined> {
    const { store: database } = this.#context;
    const delivery =
      (await store.nextDelivery(database.read, this.name, this.#probed)) ??
      (await store.nextDelivery(database.read, this.name, 0));
    if (!delivery) return undefined;
    this.#probed = delivery.seq;
    const work: Work = { ...delivery };
    const attempt = await this.#attempt(work, 'attempt');
    if (!attempt?.outcome.delivered) return attempt?.outcome;
    await database.write((tx) => this.#settle(tx, [work]));
    this.#pump.drop(work.seq);
    return attempt.outcome;
  }

  async #find(seq: number): Promise<store.HeldEvent | undefined> {
    const { cache, store: database } = this.#context;
    return cache.get(seq) ?? (await store.findEvent(database.read, seq));
  }

  async #handOver(deadLetters: DeliveryQueue): Promise<void> {
    const { store: database } = this.#context;
    if (!(await letters.anyKept(database.read, this.name))) return;
    await database.write((tx) => letters.moveDeadLetters(tx, this.name, deadLetters.name));
    deadLetters.wake();
  }

  async #revive(below: number): Promise<void> {
    const { store: database, now } = this.#context;
    const revived = await database.write((tx) => letters.revive(tx, this.name, now(), below));
    if (revived > 0) this.#pump.rewind();
  }

  async #work(work: Work): Promise<'done' | number> {
    const { policy, subscriber } = this.#options;
    const { returns } = subscriber;
    const attempt = await this.#attempt(work, 'post');
    if (!attempt || attempt.outcome.delivered) return 'done';
    const { event, outcome } = attempt;
    work.unanswered = outcome.presence !== 'answered';
    work.attempts += 1;
    if (!outcome.retry || work.attempts > policy.retry) {
      work.fate = { kind: 'dead', event, error: this.#errorOf(outcome), passing: outcome.passing };
      return 'done';
    }
    await this.#context.store.write((tx) => store.storeAttempt(tx, work.seq, this.name, work.attempts));
    // It came back before this row had begun to wait: nobody else would wake it.
    if (work.unanswered && subscriber.returns !== returns) return 0;
    return policy.waitBefore(work.attempts);
  }

  async #attempt(
    work: Work,
    how: 'post' | 'attempt',
  ): Promise<{ event: store.HeldEvent; outcome: Outcome } | undefined> {
    const event = await this.#find(work.seq);
    if (!event) {
      work.fate = { kind: 'gone' };
      return undefined;
    }
    const { subscriber, policy, namespace, toSink } = this.#options;
    const request = toSink
      ? deadLetterRequest(event, namespace, work.error)
      : deliveryRequest(event, namespace);
    const answer = await subscriber[how](request, policy.timeoutMs);
    const outcome = this.#refuseSpentReply(event, answer);
    const result = outcome.delivered ? 'delivered' : String(outcome.code);
    this.#context.metrics.deliveries.inc({ trigger: this.name, result });
    if (outcome.delivered) work.fate = { kind: 'delivered', event, outcome };
    else if (how === 'post') this.#logFailure(event, outcome, work.attempts + 1);
    return { event, outcome };
  }

  /** A reply that has gone round too often is not taken in, and what it answers has failed (section 4). */
  #refuseSpentReply(event: store.HeldEvent, outcome: Outcome): Outcome {
    if (!outcome.delivered || !outcome.reply || this.#options.toSink || nextTtl(event.attributes) > 0) {
      return outcome;
    }
    const data = Buffer.from('the reply has gone round too often').toString('base64');
    return { delivered: false, code: 400, data, retry: false, passing: false, presence: 'answered' };
  }

  async #settle(tx: Tx, works: readonly Work[]): Promise<void> {
    for (const { seq, fate, ...work } of works) {
      if (fate?.kind === 'dead') await this.#bury(tx, { seq, ...work }, fate);
      else await store.removeDelivery(tx, seq, this.name);
      if (fate?.kind === 'delivered') await this.#acceptReply(tx, fate);
    }
  }

  /** The answer of a dead letter sink is not an event of the shop (section 3.4). */
  async #acceptReply(tx: Tx, { event, outcome: { reply } }: Fate & { kind: 'delivered' }): Promise<void> {
    if (!reply || this.#options.toSink) return;
    await this.#context.acceptance.accept(tx, event.broker, reply, nextTtl(event.attributes));
  }

  async #bury(tx: Tx, work: Work, { event, error, passing }: Fate & { kind: 'dead' }): Promise<void> {
    const { log, metrics, now } = this.#context;
    const { deadLetters } = this.#options;
    metrics.deadLetters.inc({ trigger: this.name, code: String(error.code) });
    log.warn(
      { ...this.#idsOf(event), status: error.code, waitsForPerson: !passing },
      'dead letter; GET /api/dead-letters tells why',
    );
    if (deadLetters?.takes) {
      await store.moveDelivery(tx, work.seq, this.name, deadLetters.name, error);
      tx.afterCommit(() => deadLetters.wake());
      return;
    }
    const wait = Math.min(MAX_REDRIVE_MS, FIRST_REDRIVE_MS * 2 ** work.redrives);
    const redriveAt = passing && work.redrives < MAX_REDRIVES ? new Date(now().getTime() + wait) : undefined;
    // A dead letter that its sink refuses still tells of its own failure, not of the sink's.
    const told = this.#options.toSink ? (work.error ?? error) : error;
    await letters.bury(tx, work.seq, this.name, told, now(), redriveAt);
  }

  /** Whether anybody is there to bring dead letters to. */
  get takes(): boolean {
    return this.#options.subscriber.known;
  }

  #errorOf({ code, data }: Failed): store.DeliveryError {
    return { dest: this.#options.subscriber.address, code, data };
  }

  #logFailure(event: store.HeldEvent, { code: status }: Failed, attempt: number): void {
    this.#context.log.info({ ...this.#idsOf(event), status, attempt }, 'delivery failed');
  }

  #idsOf({ attributes }: store.HeldEvent): Record<string, string | undefined> {
    const { id, type, subject, correlationid } = attributes;
    return { trigger: this.name, eventId: id, type, subject, correlationId: correlationid };
  }
}
