import { toBinary, type HttpMessage } from '../cloudevents.ts';
import type { Log } from '../log.ts';
import { Pump } from '../pump.ts';
import type { Store, Tx } from '../store/store.ts';
import { nextTtl, withoutTtl, type Acceptance } from './accept.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import type { DeliveryPolicy } from './delivery-policy.ts';
import type { EventCache } from './event-cache.ts';
import type { Failed, Outcome } from './outcome.ts';
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

/** A delivery in memory; `fate` is what its last attempt has decided. */
interface Work extends Omit<store.Delivery, 'attempts' | 'error'> {
  attempts: number;
  error: store.DeliveryError | undefined;
  /** What must stay in order, where this queue keeps one. */
  key?: string | undefined;
  fate?: Fate;
}

type Fate =
  | {
      readonly kind: 'delivered';
      readonly event: store.HeldEvent;
      readonly outcome: Outcome & { delivered: true };
    }
  | { readonly kind: 'dead'; readonly error: store.DeliveryError; readonly passing: boolean }
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

  constructor(context: QueueContext, options: QueueOptions) {
    this.name = options.name;
    this.#context = context;
    this.#options = options;
    this.#pump = new Pump<Work>({
      fetch: (after, limit) => this.#fetch(after, limit),
      seq: (work) => work.seq,
      key: (work) => work.key,
      work: (work) => this.#work(work),
      settle: (works) => context.store.write((tx) => this.#settle(tx, works)),
      maxInFlight: MAX_IN_FLIGHT,
      maxBuffered: MAX_BUFFERED,
      onError: (error) =>
        context.log.error({ err: error, trigger: options.name }, 'a delivery failed inside; it goes on'),
    });
    options.subscriber.attach(this);
  }

  /** Says that there may be something new to deliver. */
  wake(): void {
    this.#pump.wake();
  }

  /** Starts no further attempt; resolves when those at work are over and stored. */
  stop(): Promise<void> {
    return this.#pump.stop();
  }

  /** Puts dead letters back whose time has come; while the subscriber is away, its return does that. */
  async redrive(): Promise<void> {
    if (this.#options.subscriber.away) return;
    await this.#revive(0);
  }

  async recover(): Promise<void> {
    await this.#revive(QUICK_REDRIVES);
    this.#pump.goOn();
  }

  async tryOldest(): Promise<Outcome | undefined> {
    try {
      return await this.#probeOldest();
    } catch (error) {
      this.#context.log.error({ err: error, trigger: this.name }, 'a probe failed inside; it comes again');
      return undefined;
    }
  }

  async #probeOldest(): Promise<Outcome | undefined> {
    const delivery = await store.oldestDelivery(this.#context.store.read, this.name);
    if (!delivery) return undefined;
    const work: Work = { ...delivery };
    const outcome = await this.#attempt(work, true);
    if (!outcome?.delivered) return outcome;
    await this.#context.store.write((tx) => this.#settle(tx, [work]));
    this.#pump.drop(work.seq);
    return outcome;
  }

  async #fetch(after: number, limit: number): Promise<Work[]> {
    const { read } = this.#context.store;
    const works: Work[] = await store.waitingDeliveries(read, this.name, after, limit);
    if (!this.#options.ordered) return works;
    for (const work of works) work.key = (await this.#find(work.seq))?.attributes['partitionkey'];
    return works;
  }

  async #find(seq: number): Promise<store.HeldEvent | undefined> {
    const { cache, store: database } = this.#context;
    return cache.get(seq) ?? (await store.findEvent(database.read, seq));
  }

  async #revive(below: number): Promise<void> {
    const { store: database, now } = this.#context;
    const revived = await database.write((tx) => store.revive(tx, this.name, now(), below));
    if (revived > 0) this.#pump.rewind();
  }

  async #work(work: Work): Promise<'done' | number> {
    const outcome = await this.#attempt(work);
    if (!outcome || outcome.delivered) return 'done';
    work.attempts += 1;
    const { policy } = this.#options;
    if (outcome.retry && work.attempts <= policy.retry) {
      await this.#context.store.write((tx) => store.storeAttempt(tx, work.seq, this.name, work.attempts));
      return policy.waitBefore(work.attempts);
    }
    work.fate = { kind: 'dead', error: this.#errorOf(outcome), passing: outcome.passing };
    return 'done';
  }

  async #attempt(work: Work, probe = false): Promise<Outcome | undefined> {
    const event = await this.#find(work.seq);
    if (!event) {
      work.fate = { kind: 'gone' };
      return undefined;
    }
    const { subscriber, policy } = this.#options;
    const message = this.#message(event, work.error);
    let outcome = await subscriber[probe ? 'probe' : 'post'](message, policy.timeoutMs);
    if (outcome.delivered && outcome.reply && !this.#options.toSink && nextTtl(event.attributes) === 0) {
      outcome = { delivered: false, code: 400, data: '', retry: false, passing: false, away: false };
    }
    this.#context.metrics.deliveries.inc({
      trigger: this.name,
      result: outcome.delivered ? 'delivered' : String(outcome.code),
    });
    if (outcome.delivered) work.fate = { kind: 'delivered', event, outcome };
    else if (!probe) this.#logFailure(event, outcome, work.attempts + 1);
    return outcome;
  }

  /** The request (broker-contract, section 3.1); a dead letter says what failed, where and why (section 3.4). */
  #message(event: store.HeldEvent, error: store.DeliveryError | undefined): HttpMessage {
    const { toSink, namespace } = this.#options;
    const attributes =
      toSink && error ? { ...errorAttributes(error), ...event.attributes } : withoutTtl(event.attributes);
    const { headers, body } = toBinary({ attributes, data: event.data });
    headers['kn-namespace'] = namespace;
    if (!toSink) headers['prefer'] = 'reply';
    return { headers, body };
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

  async #bury(tx: Tx, work: Work, { error, passing }: Fate & { kind: 'dead' }): Promise<void> {
    const { log, metrics, now } = this.#context;
    const { deadLetters } = this.#options;
    metrics.deadLetters.inc({ trigger: this.name, code: String(error.code) });
    log.warn(
      { trigger: this.name, seq: work.seq, status: error.code, waitsForPerson: !passing },
      'dead letter',
    );
    if (deadLetters?.takes) {
      await store.insertDelivery(tx, work.seq, deadLetters.name, error);
      await store.removeDelivery(tx, work.seq, this.name);
      tx.afterCommit(() => deadLetters.wake());
      return;
    }
    const wait = Math.min(MAX_REDRIVE_MS, FIRST_REDRIVE_MS * 2 ** work.redrives);
    const redriveAt = passing && work.redrives < MAX_REDRIVES ? new Date(now().getTime() + wait) : undefined;
    // A dead letter that its sink refuses still tells of its own failure, not of the sink's.
    await store.bury(tx, work.seq, this.name, work.error ?? error, now(), redriveAt);
  }

  /** Whether anybody is there to bring dead letters to. */
  get takes(): boolean {
    return this.#options.subscriber.known;
  }

  #errorOf({ code, data }: Failed): store.DeliveryError {
    return { dest: this.#options.subscriber.address, code, data };
  }

  #logFailure(event: store.HeldEvent, outcome: Failed, attempt: number): void {
    const { id, type, subject, correlationid } = event.attributes;
    this.#context.log.info(
      {
        trigger: this.name,
        eventId: id,
        type,
        subject,
        correlationId: correlationid,
        status: outcome.code,
        attempt,
      },
      'delivery failed',
    );
  }
}

function errorAttributes({ dest, code, data }: store.DeliveryError): Record<string, string> {
  return {
    knativeerrordest: dest,
    knativeerrorcode: String(code),
    ...(data ? { knativeerrordata: data } : {}),
  };
}
