import type { HttpMessage } from '../cloudevents.ts';
import type { DeliveryClient } from './client.ts';
import type { Destination } from './manifests.ts';
import { noAnswer, type Outcome } from './outcome.ts';

/** Where a Service of the cluster is on this machine; `undefined` while it is nowhere. */
export type Resolve = (service: string) => string | undefined;

/** What waits for a subscriber. */
export interface Waiting {
  /** Attempts the oldest delivery as a probe, outside its retry budget; `undefined` when there is none. */
  tryOldest(): Promise<Outcome | undefined>;
  /** The subscriber takes events again. */
  recover(): Promise<void>;
}

const PROBE_MS = 500;

/**
 * One receiver of events. It notices when the receiver is away (no answer, or 503), knocks twice a second with the
 * oldest event that waits, and wakes everything that waits when it answers again: whatever the backoff had reached.
 */
export class Subscriber {
  readonly #destination: Destination;
  readonly #resolve: Resolve;
  readonly #client: DeliveryClient;
  readonly #waiting: Waiting[] = [];
  #probe: NodeJS.Timeout | undefined;
  #probing: Promise<void> | undefined;
  #away = false;
  #closed = false;

  constructor(destination: Destination, resolve: Resolve, client: DeliveryClient) {
    this.#destination = destination;
    this.#resolve = resolve;
    this.#client = client;
  }

  /** Its address as far as it is known; the Service's name where it is not. */
  get address(): string {
    return this.#url()?.href ?? `service:${this.#destination.ref?.name ?? this.#destination.uri ?? ''}`;
  }

  /** Whether anybody is mapped to it. */
  get known(): boolean {
    return this.#url() !== undefined;
  }

  get away(): boolean {
    return this.#away;
  }

  /** Adds a queue to knock for and to wake. */
  attach(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** One attempt to deliver. */
  async post(message: HttpMessage, timeoutMs: number): Promise<Outcome> {
    const outcome = await this.probe(message, timeoutMs);
    if (isAway(outcome)) this.#goAway();
    else if (this.#away) await this.#comeBack();
    return outcome;
  }

  /** One attempt that draws no conclusion. */
  async probe(message: HttpMessage, timeoutMs: number): Promise<Outcome> {
    const url = this.#url();
    if (url) return this.#client.post(url, message, timeoutMs);
    return noAnswer(new Error(`no address is known for ${this.address}`));
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

  #goAway(): void {
    this.#away = true;
    this.#scheduleProbe();
  }

  #scheduleProbe(): void {
    if (this.#closed || this.#probe || this.#probing) return;
    this.#probe = setTimeout(() => {
      this.#probe = undefined;
      this.#probing = this.#knockAgainLater();
    }, PROBE_MS);
  }

  async #knockAgainLater(): Promise<void> {
    try {
      await this.#knock();
    } finally {
      this.#probing = undefined;
      if (this.#away) this.#scheduleProbe();
    }
  }

  async #knock(): Promise<void> {
    for (const waiting of this.#waiting) {
      const outcome = await waiting.tryOldest();
      if (!outcome) continue;
      if (this.#away && !isAway(outcome)) await this.#comeBack();
      return;
    }
    // Nothing waits any more, so nothing needs to be woken.
    this.#away = false;
  }

  async #comeBack(): Promise<void> {
    this.#away = false;
    clearTimeout(this.#probe);
    this.#probe = undefined;
    await Promise.all(this.#waiting.map((waiting) => waiting.recover()));
  }
}

function isAway(outcome: Outcome): boolean {
  return !outcome.delivered && outcome.away;
}
