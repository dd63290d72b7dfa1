import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';
import { dropLease, takeLease } from './store/leases.ts';
import type { Store } from './store/store.ts';

/** What it takes to be one of several replicas that may lead. */
export interface LeadershipOptions {
  readonly store: Store;
  /** What is led; one replica at a time does so. */
  readonly name: string;
  readonly log: Log;
  /** From now on this replica leads. */
  readonly onGain: () => void;
  /** It leads no more; another one may by now. */
  readonly onLoss: () => void;
  /** Milliseconds after which another replica takes over from a dead one. @default 5000 */
  readonly leaseMs?: number;
}

const LEASE_MS = 5000;
/** A lease is made longer five times before it would end. */
const CLAIMS_PER_LEASE = 5;

/**
 * Work that one replica does for all: by a lease in their database, which whoever is alive takes when it has ended.
 * Where a database belongs to one process, that leads as long as it runs.
 */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #holder = randomUUID();
  readonly #leaseMs: number;
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #heldUntil = Number.NEGATIVE_INFINITY;
  #leads = false;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** Whether there may be other replicas at all. */
  get isShared(): boolean {
    return this.#options.store.dialect.engine === 'postgres';
  }

  /** Whether nobody else can lead just now: to be asked before each act that must not be done by two. */
  get isHeld(): boolean {
    return performance.now() < this.#heldUntil;
  }

  /** Begins to compete. */
  start(): void {
    if (this.isShared) {
      this.#running = this.#run();
      return;
    }
    this.#heldUntil = Number.POSITIVE_INFINITY;
    this.#tell();
  }

  /** Competes no more, and lets another one lead. Call it when what was led is over. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    this.#heldUntil = Number.NEGATIVE_INFINITY;
    if (!this.isShared || !this.#leads) return;
    this.#leads = false;
    const { store, name, log } = this.#options;
    await dropLease(store, name, this.#holder).catch((error: unknown) => {
      log.warn({ err: error, name }, 'a lease could not be dropped; it will end');
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#claim();
      this.#tell();
      await sleep(this.#leaseMs / CLAIMS_PER_LEASE, undefined, { signal }).catch(() => undefined);
    }
  }

  async #claim(): Promise<void> {
    const { store, name, log } = this.#options;
    const asked = performance.now();
    try {
      const isMine = await takeLease(store, name, this.#holder, this.#leaseMs);
      // Ends here a little before it does in the database.
      const end = asked + this.#leaseMs * (1 - 1 / CLAIMS_PER_LEASE);
      this.#heldUntil = isMine ? end : Number.NEGATIVE_INFINITY;
    } catch (error) {
      log.warn({ err: error, name }, 'a lease could not be claimed; trying again');
    }
  }

  #tell(): void {
    const { log, name, onGain, onLoss } = this.#options;
    if (this.#leads === this.isHeld) return;
    this.#leads = this.isHeld;
    if (this.isShared) log.info({ name, leads: this.#leads }, 'one replica leads');
    if (this.#leads) onGain();
    else onLoss();
  }
}
