import { KeyLanes } from './key-lanes.ts';
import { within } from './within.ts';

export interface PumpOptions<Row> {
  /** Rows above a sequence, in order, at most `limit`. */
  readonly fetch: (after: number, limit: number) => Promise<Row[]>;
  readonly seq: (row: Row) => number;
  /** Rows with the same key are worked one after the other, in order; `undefined` waits for nobody. */
  readonly key: (row: Row) => string | undefined;
  /**
   * Works a row: resolves with `done`, with the milliseconds to wait before it is worked again, or with `lost` when the
   * row as it was read is no longer this pump's; if it still is in the store, it is read again.
   */
  readonly work: (row: Row) => Promise<'done' | 'lost' | number>;
  /** Stores that rows are done, durably; what becomes done meanwhile goes together into the next call. */
  readonly settle: (rows: readonly Row[]) => Promise<unknown>;
  /** Rows at work at once. */
  readonly maxInFlight: number;
  /** Rows held in memory; the rest of a backlog stays in the store. */
  readonly maxBuffered: number;
  /** Rows held beside those, until they are repeated; above it nothing newer is read. @default ten times `maxBuffered` */
  readonly maxWaiting?: () => number;
  readonly onError: (error: unknown) => void;
}

interface Entry<Row> {
  readonly row: Row;
  readonly key: string | undefined;
  /** When the wait for its repetition ends, by `performance.now()`. */
  dueAt: number;
  timer?: NodeJS.Timeout;
}

const RETRY_STORE_MS = 500;
/** Rows that wait to be repeated do not count as buffered, or a few hundred failing ones would stop all others. */
const WAITING_PER_BUFFERED = 10;

/**
 * Drains a durable queue: reads rows in order, works many at once but one per key, and removes each when it is done.
 * Memory is bounded whatever the backlog; a row that fails holds up its own key alone.
 */
export class Pump<Row> {
  readonly #options: PumpOptions<Row>;
  /** Rows in memory that are not settled yet, by sequence. */
  readonly #held = new Map<number, Entry<Row>>();
  /** Rows that were settled while a read was under way, which may have seen them before. */
  readonly #gone = new Set<number>();
  readonly #lanes = new KeyLanes<Entry<Row>>();
  readonly #waiting = new Set<Entry<Row>>();
  readonly #atWork = new Set<Promise<void>>();
  #ready: Entry<Row>[] = [];
  #done: Entry<Row>[] = [];
  #settling: Promise<void> | undefined;
  #fetched = 0;
  #fetching: Promise<void> | undefined;
  /** Where to read again from, asked for while a read was under way. */
  #rereadFrom = Number.POSITIVE_INFINITY;
  #moreStored = true;
  #resume: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: PumpOptions<Row>) {
    this.#options = options;
  }

  /** Rows in memory: waiting, at work, or done but not yet removed. */
  get held(): number {
    return this.#held.size;
  }

  /** Says that the store has something new. */
  wake(): void {
    this.#moreStored = true;
    this.#fill();
  }

  /** Starts nothing for a while; what is at work goes on. */
  pauseFor(ms: number): void {
    clearTimeout(this.#resume);
    if (!this.#stopped) this.#resume = setTimeout(() => this.goOn(), ms);
  }

  /** Ends a pause, and the wait of those rows that `which` names: they are worked now. */
  goOn(which: (row: Row) => boolean = () => true): void {
    clearTimeout(this.#resume);
    this.#resume = undefined;
    const woken = [...this.#waiting].filter((entry) => which(entry.row));
    for (const entry of woken) this.#stopWaiting(entry);
    this.#ready.unshift(...woken.toSorted((a, b) => this.#seqOf(a) - this.#seqOf(b)));
    this.#run();
  }

  /** Reads the queue from a sequence again: rows that came back into it lie below what was read. */
  rewind(from = 0): void {
    this.#rereadFrom = Math.min(this.#rereadFrom, from);
    this.wake();
  }

  /**
   * Works the row that has waited longest, out of turn: `attempt` says whether it is done; if not, it waits out the
   * rest of its time. Resolves when that is over, at once when no row waits.
   */
  async tryOne(attempt: (row: Row) => Promise<boolean>): Promise<void> {
    const [entry] = this.#waiting;
    if (!entry || this.#stopped) return;
    this.#stopWaiting(entry);
    const left = (): number => Math.max(0, entry.dueAt - performance.now());
    await this.#start(entry, async (row) => ((await attempt(row)) ? 'done' : left()));
  }

  /** Starts nothing more; resolves when what is at work is done and settled, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#resume);
    for (const entry of this.#waiting) clearTimeout(entry.timer);
    await within(graceMs, Promise.all([this.#fetching, ...this.#atWork]));
  }

  #seqOf(entry: Entry<Row>): number {
    return this.#options.seq(entry.row);
  }

  get #maxWaiting(): number {
    const { maxBuffered, maxWaiting } = this.#options;
    return maxWaiting?.() ?? maxBuffered * WAITING_PER_BUFFERED;
  }

  #fill(): void {
    if (this.#stopped || this.#fetching || !this.#moreStored) return;
    const room = this.#room();
    if (room <= Math.min(this.#options.maxBuffered, this.#maxWaiting) / 4) return;
    this.#moreStored = false;
    this.#fetching = this.#fetch(room).finally(() => {
      this.#fetching = undefined;
      this.#run();
      this.#fill();
    });
  }

  #room(): number {
    const waiting = this.#waiting.size;
    return Math.min(this.#options.maxBuffered + waiting - this.#held.size, this.#maxWaiting - waiting);
  }

  async #fetch(limit: number): Promise<void> {
    if (this.#rereadFrom <= this.#fetched) this.#fetched = Math.max(0, this.#rereadFrom - 1);
    this.#rereadFrom = Number.POSITIVE_INFINITY;
    this.#gone.clear();
    try {
      const rows = await this.#options.fetch(this.#fetched, limit);
      for (const row of rows) this.#take(row);
      if (rows.length === limit || this.#rereadFrom <= this.#fetched) this.#moreStored = true;
    } catch (error) {
      this.#options.onError(error);
      this.#moreStored = true;
      await new Promise((resume) => setTimeout(resume, RETRY_STORE_MS));
    }
  }

  #take(row: Row): void {
    const seq = this.#options.seq(row);
    this.#fetched = Math.max(this.#fetched, seq);
    if (this.#held.has(seq) || this.#gone.has(seq)) return;
    const entry: Entry<Row> = { row, key: this.#options.key(row), dueAt: 0 };
    const place = entry.key === undefined ? 'first' : this.#lanes.enter(entry.key, seq, entry);
    if (place === 'skipped') return;
    this.#held.set(seq, entry);
    if (place === 'first') this.#ready.push(entry);
  }

  #run(): void {
    if (this.#stopped || this.#resume) return;
    const room = this.#options.maxInFlight - this.#atWork.size;
    for (const entry of this.#ready.splice(0, Math.max(0, room))) void this.#start(entry);
  }

  #start(entry: Entry<Row>, work = this.#options.work): Promise<void> {
    const working = this.#work(entry, work).finally(() => {
      this.#atWork.delete(working);
      this.#run();
      this.#fill();
    });
    this.#atWork.add(working);
    return working;
  }

  async #work(entry: Entry<Row>, work: PumpOptions<Row>['work']): Promise<void> {
    const outcome = await this.#attempt(entry, work);
    if (outcome === 'lost') {
      this.#held.delete(this.#seqOf(entry));
      this.#leaveLane(entry);
      this.rewind(this.#seqOf(entry));
      return;
    }
    if (outcome !== 'done') {
      this.#wait(entry, outcome);
      return;
    }
    this.#done.push(entry);
    this.#settling ??= this.#settle();
    this.#leaveLane(entry);
    await this.#settling;
  }

  async #attempt(entry: Entry<Row>, work: PumpOptions<Row>['work']): Promise<'done' | 'lost' | number> {
    try {
      return await work(entry.row);
    } catch (error) {
      this.#options.onError(error);
      return RETRY_STORE_MS;
    }
  }

  #wait(entry: Entry<Row>, ms: number): void {
    if (this.#stopped) return;
    this.#waiting.add(entry);
    entry.dueAt = performance.now() + ms;
    entry.timer = setTimeout(() => {
      this.#waiting.delete(entry);
      this.#ready.push(entry);
      this.#run();
    }, ms);
  }

  #stopWaiting(entry: Entry<Row>): void {
    clearTimeout(entry.timer);
    this.#waiting.delete(entry);
  }

  /** The next row of a key may start as soon as the sink has this one: its removal need not be waited for. */
  #leaveLane({ key }: Entry<Row>): void {
    if (key === undefined) return;
    const { item, rereadFrom } = this.#lanes.leave(key);
    if (item) this.#ready.push(item);
    if (rereadFrom !== undefined) this.rewind(rereadFrom);
    this.#run();
  }

  #forget(seq: number): void {
    this.#held.delete(seq);
    if (this.#fetching) this.#gone.add(seq);
  }

  async #settle(): Promise<void> {
    while (this.#done.length > 0) {
      const batch = this.#done.splice(0);
      try {
        await this.#options.settle(batch.map((entry) => entry.row));
        for (const entry of batch) this.#forget(this.#seqOf(entry));
      } catch (error) {
        this.#options.onError(error);
        // Once stopping, rows that cannot be removed stay: they are worked again at the next start.
        if (this.#stopped) break;
        this.#done.unshift(...batch);
        await new Promise((resume) => setTimeout(resume, RETRY_STORE_MS));
      }
    }
    this.#settling = undefined;
  }
}
