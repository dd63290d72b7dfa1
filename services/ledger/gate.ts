import { backoff } from './backoff.ts';

/** What an attempt tells of a receiver: see `Failed.presence`. */
export type Presence = 'answered' | 'silent' | 'absent';

interface GateOptions {
  /** Milliseconds before the first probe. */
  readonly wait: number;
  /** It is time for a probe, and nobody waits to make it. */
  readonly onVacant: () => void;
  /** A probe has failed too: this is an outage. */
  readonly onAway: () => void;
  /** It answers again after an outage. */
  readonly onReturn: () => void;
}

const MAX_PROBE_MS = 5000;
/** So many attempts in a row without an answer are an outage, even if the receiver could be reached. */
const SILENT_OUTAGE = 3;

/**
 * The way to one receiver. While it answers, everybody passes; while it is away one at a time, each time another one,
 * after a wait that grows: an event that takes its receiver down does not keep the others away for ever.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #queue: ((isProbe: boolean) => void)[] = [];
  #away = false;
  #silences = 0;
  #probes = 0;
  #isVacant = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get away(): boolean {
    return this.#away;
  }

  /** Resolves when an attempt may be made. @returns whether it is a probe */
  async pass(): Promise<boolean> {
    if (!this.#away || this.#closed) return false;
    if (this.#isVacant) {
      this.#isVacant = false;
      return true;
    }
    return new Promise((resolve) => this.#queue.push(resolve));
  }

  /** What came of an attempt. Whoever has passed reports, `undefined` when nothing was attempted. */
  report(presence: Presence | undefined, isProbe: boolean): void {
    if (this.#closed) return;
    if (presence === 'answered') this.#open();
    else if (this.#away) {
      if (!isProbe) return;
      if (presence === undefined) this.#letOneIn();
      else this.#probeFailed();
    } else if (presence !== undefined) this.#doubt(presence);
  }

  /** Lets everybody through; nothing is timed any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const pass of this.#queue.splice(0)) pass(false);
  }

  #doubt(presence: 'silent' | 'absent'): void {
    this.#silences += 1;
    if (presence === 'silent' && this.#silences < SILENT_OUTAGE) return;
    this.#away = true;
    this.#schedule();
  }

  #probeFailed(): void {
    if (this.#probes === 1) this.#options.onAway();
    this.#schedule();
  }

  #open(): void {
    const wasOutage = this.#probes > 1;
    clearTimeout(this.#timer);
    this.#away = false;
    this.#isVacant = false;
    this.#silences = 0;
    this.#probes = 0;
    for (const pass of this.#queue.splice(0)) pass(false);
    if (wasOutage) this.#options.onReturn();
  }

  #schedule(): void {
    const wait = backoff(this.#probes, this.#options.wait, MAX_PROBE_MS);
    this.#probes += 1;
    this.#timer = setTimeout(() => this.#letOneIn(), wait);
  }

  #letOneIn(): void {
    const pass = this.#queue.shift();
    if (pass) {
      pass(true);
      return;
    }
    this.#isVacant = true;
    this.#options.onVacant();
  }
}
