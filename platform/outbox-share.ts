import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';
import { claimLanes, leaveLanes, releaseLanes } from './store/lanes.ts';
import { LANES, unsent, unsentIn, type OutboxRow } from './store/outbox.ts';
import type { Store } from './store/store.ts';

/** The part of an outbox that this process sends. */
export interface OutboxShare {
  /** Rows of this share above a sequence, at most `limit`, in order within each lane. */
  fetch(after: number, limit: number): Promise<OutboxRow[]>;
  /** Asks to post a row that was read. @returns false when others may send it by now. */
  begin(row: OutboxRow): boolean;
  /** Ends what `begin` began: the row is removed, or waits to be sent again. */
  end(row: OutboxRow): void;
  /** Lets others have what it holds. Nothing is begun any more. */
  close(): Promise<void>;
}

/** The whole outbox, where a database belongs to one process. */
export function wholeOutbox(store: Store): OutboxShare {
  return {
    fetch: (after, limit) => unsent(store.read, after, limit),
    begin: () => true,
    end: () => undefined,
    close: async () => undefined,
  };
}

/** What sharing an outbox with other replicas needs. */
export interface SharedOutboxOptions {
  readonly store: Store;
  readonly log: Log;
  /** Called when there may be rows to fetch: replicas store rows for each other. */
  readonly onNews: () => void;
  /** Milliseconds after which the lanes of a dead replica are free. @default 5000 */
  readonly leaseMs?: number;
}

/** A lane while it is held; held again after it was lost, it is another one. */
interface Hold {
  readonly lane: number;
  /** Highest sequence that was read. */
  after: number;
  /** Rows that are being posted, or removed after that. */
  atWork: number;
}

const LEASE_MS = 5000;
/** Leases are made longer five times before they would end. */
const CLAIMS_PER_LEASE = 5;
/** How often it looks for rows that another replica stored. */
const LOOK_MS = 200;

/**
 * The lanes of an outbox that this replica holds. Each lane belongs to one replica at a time, so that the order within
 * it is kept; all lanes are shared out evenly, and those of a replica that is gone are taken over.
 */
export class SharedOutbox implements OutboxShare {
  readonly #options: SharedOutboxOptions;
  readonly #replica = randomUUID();
  readonly #leaseMs: number;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  readonly #holds = new Map<number, Hold>();
  /** Lanes that others shall have as soon as what is being posted is over. */
  readonly #leaving = new Map<number, Hold>();
  readonly #holdOf = new WeakMap<OutboxRow, Hold>();
  #heldUntil = 0;
  #last = 0;

  constructor(options: SharedOutboxOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#running = this.#run();
  }

  async fetch(after: number, limit: number): Promise<OutboxRow[]> {
    const holds = this.#isHeld() ? [...this.#holds.values()] : [];
    // Whoever reads from below what was read before wants all of it again.
    if (after < this.#last) for (const hold of holds) hold.after = Math.min(hold.after, after);
    this.#last = after;
    if (holds.length === 0) return [];
    // One busy lane gets more than its part, but none is read from end to end.
    const perLane = Math.ceil((4 * limit) / holds.length);
    const rows = await unsentIn(this.#options.store.read, holds, { all: limit, lane: perLane });
    const byLane = Map.groupBy(rows, ({ lane }) => lane);
    for (const hold of holds) {
      const found = byLane.get(hold.lane) ?? [];
      hold.after = found.at(-1)?.seq ?? hold.after;
      for (const row of found) this.#holdOf.set(row, hold);
      if (found.length === perLane) this.#options.onNews();
    }
    this.#last = Math.max(this.#last, rows.at(-1)?.seq ?? 0);
    return rows;
  }

  begin(row: OutboxRow): boolean {
    const hold = this.#holdOf.get(row);
    if (!hold || !this.#isHeld() || this.#holds.get(row.lane) !== hold) return false;
    hold.atWork += 1;
    return true;
  }

  end(row: OutboxRow): void {
    const hold = this.#holdOf.get(row);
    if (hold) hold.atWork -= 1;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    this.#holds.clear();
    const { store, log } = this.#options;
    await leaveLanes(store, this.#replica).catch((error: unknown) => {
      log.warn({ err: error }, 'the lanes of the outbox could not be released; their lease will end');
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal }).catch(() => undefined);
    let nextClaim = 0;
    while (!signal.aborted) {
      if (performance.now() >= nextClaim) {
        nextClaim = performance.now() + this.#leaseMs / CLAIMS_PER_LEASE;
        await this.#claim();
      }
      this.#options.onNews();
      await pause(Math.min(LOOK_MS, this.#leaseMs / CLAIMS_PER_LEASE));
    }
  }

  async #claim(): Promise<void> {
    const { store, log } = this.#options;
    const asked = performance.now();
    try {
      const { lanes, share } = await claimLanes(store, this.#replica, this.#leaseMs);
      // Somebody else may have had them since the last lease ended.
      if (!this.#isHeld()) this.#holds.clear();
      this.#heldUntil = asked + this.#leaseMs * (1 - 1 / CLAIMS_PER_LEASE);
      this.#holdAll(lanes);
      this.#giveUp(lanes.length - this.#leaving.size - share);
      await this.#releaseIdle();
    } catch (error) {
      log.warn({ err: error }, 'the lanes of the outbox could not be claimed; trying again');
    }
  }

  #isHeld(): boolean {
    return performance.now() < this.#heldUntil && !this.#closing.signal.aborted;
  }

  #holdAll(lanes: readonly number[]): void {
    const before = this.#holds.size;
    for (const lane of this.#holds.keys()) if (!lanes.includes(lane)) this.#holds.delete(lane);
    for (const lane of lanes) {
      if (this.#holds.has(lane) || this.#leaving.has(lane)) continue;
      this.#holds.set(lane, { lane, after: 0, atWork: 0 });
    }
    const { size } = this.#holds;
    if (size !== before) this.#options.log.info({ lanes: size, of: LANES }, 'sends a share of the outbox');
  }

  /** Posts no more of some lanes, so that a replica that came later gets its share. */
  #giveUp(count: number): void {
    for (const hold of [...this.#holds.values()].slice(0, Math.max(0, count))) {
      this.#holds.delete(hold.lane);
      this.#leaving.set(hold.lane, hold);
    }
  }

  async #releaseIdle(): Promise<void> {
    const idle = [...this.#leaving.values()].filter(({ atWork }) => atWork === 0).map(({ lane }) => lane);
    await releaseLanes(this.#options.store, this.#replica, idle);
    for (const lane of idle) this.#leaving.delete(lane);
  }
}
