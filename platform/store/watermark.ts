import { setTimeout as sleep } from 'node:timers/promises';
import type { Dialect, Reader } from './store.ts';

const PATIENCE_MS = 1000;
const LOOK_AGAIN_MS = 20;

/** Transactions at work on the table, seen after `upTo` was the highest number. */
interface Sight {
  readonly upTo: number;
  readonly writers: ReadonlySet<string>;
}

/** How far a table may be read, and whether there is more above that. */
interface Level {
  readonly upTo: number;
  readonly waits: boolean;
}

/**
 * How far a growing table may be read on by its numbers (`seq`) without passing anything by. Where several transactions
 * write at once, a number is given when a row is written, and the row is seen when its transaction has committed: a
 * lower number may come later than a higher one.
 */
export class Watermark {
  readonly #reader: Reader;
  readonly #dialect: Dialect;
  readonly #table: string;
  #settled = 0;
  /** Whether `#settled` was found by looking: at first it only means the beginning. */
  #isKnown = false;
  #sight: Sight | undefined;
  #current: Promise<Level> | undefined;
  #next: Promise<Level> | undefined;

  /** @param table without a schema; its numbers are in the column `seq` */
  constructor(reader: Reader, dialect: Dialect, table: string) {
    this.#reader = reader;
    this.#dialect = dialect;
    this.#table = table;
  }

  /**
   * Looks how far all transactions have ended. Those who ask while somebody looks wait for the next look, which is one
   * for all of them.
   * @returns `upTo`: no row with this number or a lower one comes any more; `waits`: there are rows above it by now
   */
  async look(): Promise<Level> {
    const { writersOf } = this.#dialect;
    if (writersOf === undefined) return { upTo: Number.MAX_SAFE_INTEGER, waits: false };
    this.#next ??= this.#lookAfter(this.#current, writersOf);
    return this.#next;
  }

  async #lookAfter(current: Promise<Level> | undefined, writersOf: string): Promise<Level> {
    await current?.catch(() => undefined);
    this.#next = undefined;
    this.#current = this.#lookAt(writersOf);
    return this.#current;
  }

  async #lookAt(writersOf: string): Promise<Level> {
    // Taken before the look: those that began later are not in it.
    const before = this.#sight;
    const latest = await this.#latest();
    if (latest <= this.#settled) this.#isKnown = true;
    else {
      // After the number: whoever has a lower one is at work, or has ended.
      const rows = await this.#reader.all<{ writer: string }>(writersOf, this.#table);
      this.#conclude(before, { upTo: latest, writers: new Set(rows.map(({ writer }) => writer)) });
    }
    return { upTo: this.#settled, waits: latest > this.#settled };
  }

  /** Looks, and then again and again until it is ended, so that `present` is never far behind. */
  async keepUp(everyMs: number, ended: AbortSignal): Promise<void> {
    if (this.#dialect.writersOf === undefined) return;
    // What fails now is seen by whoever asks.
    const timer = setInterval(() => void this.look().catch(() => undefined), everyMs).unref();
    ended.addEventListener('abort', () => clearInterval(timer), { once: true });
    await this.look();
  }

  /**
   * Where a reader begins who wants what comes from now on: below the numbers of whoever is at work. Where that is not
   * known yet, because somebody has been at work since the first look, the highest number there is stands in for it
   * after `patienceMs`.
   */
  async present(patienceMs = PATIENCE_MS): Promise<number> {
    const latest = await this.#latest();
    const end = performance.now() + patienceMs;
    let { upTo } = await this.look();
    while (!this.#isKnown && performance.now() < end) {
      await sleep(LOOK_AGAIN_MS);
      ({ upTo } = await this.look());
    }
    return this.#isKnown ? upTo : latest;
  }

  #conclude(before: Sight | undefined, now: Sight): void {
    if (now.writers.size === 0) this.#settle(now);
    else if (before && before.writers.isDisjointFrom(now.writers)) this.#settle(before);
    if (this.#sight === undefined || this.#sight.upTo <= this.#settled) this.#sight = now;
  }

  #settle({ upTo }: Sight): void {
    this.#isKnown = true;
    this.#settled = Math.max(this.#settled, upTo);
  }

  async #latest(): Promise<number> {
    const row = await this.#reader.get<{ seq: number | null }>(`select max(seq) as seq from ${this.#table}`);
    return row?.seq ?? 0;
  }
}
