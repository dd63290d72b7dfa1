import type { HttpMessage } from '../cloudevents.ts';
import type { DeliveryClient } from '../delivery/client.ts';
import type { Destination } from './manifests.ts';
import { nobodyKnown, type Outcome } from '../delivery/outcome.ts';

/** Where a Service of the cluster is on this machine; `undefined` while it is nowhere. */
export type Resolve = (service: string) => string | undefined;

/** What waits for a subscriber. */
export interface Waiting {
  /** Attempts one delivery that waits, outside its retry budget, each time another one; `undefined`: nothing waits. */
  probe(): Promise<Outcome | undefined>;
  /** The subscriber takes events again. */
  recover(): void;
}

const PROBE_MS = 500;
/** So many attempts in a row without an answer are an outage, even if the subscriber could be reached. */
const SILENT_OUTAGE = 3;

/**
 * One receiver of events. When nobody is there it is probed twice a second with an event that waits, a different one
 * each time, and everything that waits wakes when it answers again: whatever the backoff had reached. A single
 * failure among successes wakes nobody: it waits as its policy says.
 */
export class Subscriber {
  readonly #destination: Destination;
  readonly #resolve: Resolve;
  readonly #client: DeliveryClient;
  readonly #onError: (error: unknown) => void;
  readonly #waiting: Waiting[] = [];
  #state: 'here' | 'suspect' | 'away' = 'here';
  /** Attempts without an answer since the last one with. */
  #silences = 0;
  #returns = 0;
  #turn = 0;
  #probe: NodeJS.Timeout | undefined;
  #probing: Promise<void> | undefined;
  #closed = false;

  constructor(options: {
    readonly destination: Destination;
    readonly resolve: Resolve;
    readonly client: DeliveryClient;
    readonly onError: (error: unknown) => void;
  }) {
    this.#destination = options.destination;
    this.#resolve = options.resolve;
    this.#client = options.client;
    this.#onError = options.onError;
  }

  /** Its address as far as it is known; the Service's name where it is not. */
  get address(): string {
    return this.#url()?.href ?? `service:${this.#destination.ref?.name ?? ''}`;
  }

  /** Whether anybody is mapped to it. */
  get known(): boolean {
    return this.#url() !== undefined;
  }

  get away(): boolean {
    return this.#state === 'away';
  }

  /** How often it came back from an outage. */
  get returns(): number {
    return this.#returns;
  }

  /** Adds a queue to probe with and to wake. */
  attach(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** One attempt to deliver. */
  async post(message: HttpMessage, timeoutMs: number): Promise<Outcome> {
    const outcome = await this.attempt(message, timeoutMs);
    this.#conclude(outcome);
    return outcome;
  }

  /** One attempt that draws no conclusion. */
  async attempt(message: HttpMessage, timeoutMs: number): Promise<Outcome> {
    const url = this.#url();
    return url ? this.#client.post(url, message, timeoutMs) : nobodyKnown(this.address);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#probe);
    await this.#probing;
  }

  #url(): URL | undefined {
    const { ref, uri } = this.#destination;
    if (!ref) return uri === undefined ? undefined : new URL(uri);
    const base = this.#resolve(ref.name);
    return base === undefined ? undefined : new URL(uri ?? '/', base);
  }

  #conclude(outcome: Outcome): void {
    const presence = outcome.delivered ? 'answered' : outcome.presence;
    if (presence === 'answered') {
      this.#answered();
      return;
    }
    this.#silences += 1;
    if (presence === 'silent') return;
    if (this.#state === 'here') this.#state = 'suspect';
    this.#scheduleProbe();
  }

  #answered(): void {
    if (this.#state === 'away' || this.#silences >= SILENT_OUTAGE) this.#comeBack();
    this.#state = 'here';
    this.#silences = 0;
  }

  #comeBack(): void {
    this.#state = 'here';
    this.#silences = 0;
    this.#returns += 1;
    for (const waiting of this.#waiting) waiting.recover();
  }

  #scheduleProbe(): void {
    if (this.#closed || this.#probe || this.#probing) return;
    this.#probe = setTimeout(() => {
      this.#probe = undefined;
      this.#probing = this.#probeNow();
    }, PROBE_MS);
  }

  async #probeNow(): Promise<void> {
    try {
      await this.#probeOnce();
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#probing = undefined;
      if (this.#state !== 'here') this.#scheduleProbe();
    }
  }

  async #probeOnce(): Promise<void> {
    for (let tried = 0; tried < this.#waiting.length && this.#state !== 'here'; tried += 1) {
      this.#turn = (this.#turn + 1) % this.#waiting.length;
      const outcome = await this.#waiting[this.#turn]?.probe();
      if (!outcome) continue;
      if (outcome.delivered || outcome.presence === 'answered') this.#comeBack();
      else if (outcome.presence === 'absent') this.#state = 'away';
      return;
    }
    // Nothing waits any more, so nothing needs to be woken.
    this.#state = 'here';
  }
}
