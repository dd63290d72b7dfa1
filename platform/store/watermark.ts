import { setTimeout as sleep } from 'node:timers/promises';
import type { Dialect, Reader } from './store.ts';

const PATIENCE_MS = 1000;
const LOOK_AGAIN_MS = 20;

/** Transactions at work on the table, seen after `upTo` was the highest number. */
interface Sight {
  readonly upTo: number;
  readonly writers: ReadonlySet<string>;
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
  #sight: Sight | undefined;

  /** @param table without a schema; its numbers are in the column `seq` */
  constructor(reader: Reader, dialect: Dialect, table: string) {
    this.#reader = reader;
    this.#dialect = dialect;
    this.#table = table;
  }

  /**
   * Looks how far all transactions have ended.
   * @returns `upTo`: no row with this number or a lower one comes any more; `waits`: there are rows above it by now
   */
  async look(): Promise<{ readonly upTo: number; readonly waits: boolean }> {
    const { writersOf } = this.#dialect;
    if (writersOf === undefined) return { upTo: Number.MAX_SAFE_INTEGER, waits: false };
    // Taken before the look: those that began later are not in it.
    const before = this.#sight;
    const latest = await this.#latest();
    if (latest > this.#settled) {
      // After the number: whoever has a lower one is at work, or has ended.
      const rows = await this.#reader.all<{ writer: string }>(writersOf, this.#table);
      this.#conclude(before, { upTo: latest, writers: new Set(rows.map(({ writer }) => writer)) });
    }
    return { upTo: this.#settled, waits: latest > this.#settled };
  }

  /**
   * Where a reader begins who wants what comes from now on: the highest number there is, once all lower ones have come.
   * A transaction that stays open holds nobody up for longer than `patienceMs`; what it commits later is passed by.
   */
  async present(patienceMs = PATIENCE_MS): Promise<number> {
    const latest = await this.#latest();
    const end = performance.now() + patienceMs;
    while (performance.now() < end) {
      const { upTo } = await this.look();
      if (upTo >= latest) return latest;
      await sleep(LOOK_AGAIN_MS);
    }
    return latest;
  }

  #conclude(before: Sight | undefined, now: Sight): void {
    if (now.writers.size === 0) this.#settle(now);
    else if (before && before.writers.isDisjointFrom(now.writers)) this.#settle(before);
    if (this.#sight === undefined || this.#sight.upTo <= this.#settled) this.#sight = now;
  }

  #settle({ upTo }: Sight): void {
    this.#settled = Math.max(this.#settled, upTo);
  }

  async #latest(): Promise<number> {
    const row = await this.#reader.get<{ seq: number | null }>(`select max(seq) as seq from ${this.#table}`);
    return row?.seq ?? 0;
  }
}
