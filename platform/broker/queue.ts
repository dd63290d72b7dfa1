import type { Log } from '../log.ts';
import { Pump } from '../pump.ts';
import type { Store, Tx } from '../store/store.ts';
import { nextTtl, type Acceptance } from './accept.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import { MAX_SINK_WAIT_MS, type DeliveryPolicy } from './delivery-policy.ts';
import type { EventCache } from './event-cache.ts';
import type { Failed, Outcome } from '../delivery/outcome.ts';
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
}

export interface QueueOptions {
  /** Name of the Trigger, or of its dead letters' queue. */
  readonly name: string;
  readonly namespace: string;
  readonly policy: DeliveryPolicy;
  readonly subscriber: Subscriber;
  readonly ordered: boolean;
  /** This queue brings dead letters to their sink. */
  readonly toSink: boolean;
  /** Where deliveries go that failed for good; without one they end here. */
  readonly deadLetters?: DeliveryQueue | undefined;
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
  | { readonly kind: 'dead'; readonly event: store.HeldEvent; readonly error: store.DeliveryError }
  | { readonly kind: 'gone' };

const MAX_IN_FLIGHT = 64;
const MAX_BUFFERED = 1000;
/** Dead letters carry their error, and those of all Triggers wait at once while their sink is away. */
const MAX_LETTERS_BUFFERED = 200;
const MAX_LETTERS_WAITING = 500;

/**
 * Delivers one Trigger's events, or its dead letters: attempts, waits and tries again as the policy says, and hands
 * over to the dead letters what failed for good. What is left to deliver is on disk at every moment.
 */
export class DeliveryQueue implements Waiting {
  readonly name: string;
  readonly #context: QueueContext;
  readonly #options: QueueOptions;
  readonly #pump: Pump<Work>;
  #stopping = false;

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
      ...(options.toSink
        ? { maxBuffered: MAX_LETTERS_BUFFERED, maxWaiting: () => MAX_LETTERS_WAITING }
        : { maxBuffered: MAX_BUFFERED }),
      onError: (error) =>
        log.error({ err: error, trigger: this.name }, 'a delivery failed inside; it goes on'),
    });
    options.subscriber.attach(this);
  }

  /** Where it delivers to, as far as that is known. */
  get address(): string {
    return this.#options.subscriber.address;
  }

  /** Says that there may be something new to deliver. */
  wake(): void {
    this.#pump.wake();
  }

  /** Starts no further attempt; resolves when those at work are over and stored, or after `graceMs`. */
  stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    return this.#pump.stop(graceMs);
  }

  /** Says that another queue has handed a delivery over: it may lie below what was read. */
  welcome(seq: number): void {
    this.#pump.rewind(seq);
  }

  recover(): void {
    this.#pump.goOn((work) => work.unanswered === true);
  }

  async probe(): Promise<Outcome | undefined> {
    let outcome: Outcome | undefined;
    await this.#pump.tryOne(async (work) => {
      const attempt = await this.#attempt(work, 'attempt');
      outcome = attempt?.outcome;
      return outcome?.delivered ?? true;
    });
    return outcome;
  }

  async #find(seq: number): Promise<store.HeldEvent | undefined> {
    const { cache, store: database } = this.#context;
    return cache.get(seq) ?? (await store.findEvent(database.read, seq));
  }

  async #work(work: Work): Promise<'done' | number> {
    const { policy, subscriber, toSink } = this.#options;
    // Letters need no attempts of their own while their sink is away: the probe is enough, and its success wakes all.
    if (toSink && subscriber.away) {
      work.unanswered = true;
      return MAX_SINK_WAIT_MS;
    }
    const { returns } = subscriber;
    const attempt = await this.#attempt(work, 'post');
    if (!attempt || attempt.outcome.delivered) return 'done';
    // The end of the broker may have ended the attempt: that is nobody's failure.
    if (this.#stopping) return 0;
    const { event, outcome } = attempt;
    work.unanswered = outcome.presence !== 'answered';
    work.attempts += 1;
    const wait = policy.waitAfter(work.attempts, outcome);
    if (wait === undefined) {
      work.fate = { kind: 'dead', event, error: this.#errorOf(outcome) };
      return 'done';
    }
    if (!toSink) await this.#storeAttempt(work);
    // It came back before this row had begun to wait: nobody else would wake it.
    return work.unanswered && subscriber.returns !== returns ? 0 : wait;
  }

  #storeAttempt({ seq, attempts }: Work): Promise<void> {
    return this.#context.store.write((tx) => store.storeAttempt(tx, seq, this.name, attempts));
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
    if (!outcome.delivered || !outcome.reply || nextTtl(event.attributes) > 0) return outcome;
    const data = Buffer.from('the reply has gone round too often').toString('base64');
    return { delivered: false, code: 400, data, retry: false, presence: 'answered' };
  }

  async #settle(tx: Tx, works: readonly Work[]): Promise<void> {
    for (const { seq, fate } of works) {
      if (fate?.kind === 'dead') await this.#bury(tx, seq, fate);
      else await store.removeDelivery(tx, seq, this.name);
      if (fate?.kind === 'delivered') await this.#acceptReply(tx, fate);
    }
  }

  async #acceptReply(tx: Tx, { event, outcome: { reply } }: Fate & { kind: 'delivered' }): Promise<void> {
    if (reply) await this.#context.acceptance.accept(tx, event.broker, reply, nextTtl(event.attributes));
  }

  async #bury(tx: Tx, seq: number, { event, error }: Fate & { kind: 'dead' }): Promise<void> {
    const { log, metrics } = this.#context;
    const { deadLetters } = this.#options;
    const ids = { ...this.#idsOf(event), status: error.code };
    const labels = { trigger: this.name, code: String(error.code) };
    if (deadLetters) {
      await store.moveDelivery(tx, seq, this.name, deadLetters.name, error);
      tx.afterCommit(() => {
        metrics.deadLetters.inc(labels);
        log.warn({ ...ids, sink: deadLetters.address }, 'dead letter: it goes to its sink');
        deadLetters.welcome(seq);
      });
      return;
    }
    await store.removeDelivery(tx, seq, this.name);
    tx.afterCommit(() => {
      metrics.lost.inc(labels);
      log.error(ids, 'this delivery failed for good and ends here: there is no dead letter sink');
    });
  }

  #errorOf({ code, data }: Failed): store.DeliveryError {
    return { dest: this.address, code, data };
  }

  #logFailure(event: store.HeldEvent, { code: status, presence }: Failed, attempt: number): void {
    // A sink that answers with a refusal is set up wrongly; of the other failures the subscriber's outage tells.
    const level = this.#options.toSink && presence === 'answered' && attempt === 1 ? 'warn' : 'info';
    this.#context.log[level]({ ...this.#idsOf(event), status, attempt }, 'delivery failed');
  }

  #idsOf({ attributes }: store.HeldEvent): Record<string, string | undefined> {
    const { id, type, subject, correlationid } = attributes;
    return { trigger: this.name, eventId: id, type, subject, correlationId: correlationid };
  }
}
