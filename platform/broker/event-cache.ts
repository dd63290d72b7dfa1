import type { HeldEvent } from './store.ts';

const MAX_BYTES = 16 * 1024 * 1024;
/** What an event weighs beside its text and data, roughly. */
const OVERHEAD = 1024;

/** The newest events, so that delivering them needs no read. What falls out is read from the store again. */
export class EventCache {
  readonly #events = new Map<number, HeldEvent>();
  #bytes = 0;

  /** Adds an event, and lets go of the oldest ones beyond the limit. */
  add(event: HeldEvent): void {
    this.#events.set(event.seq, event);
    this.#bytes += weightOf(event);
    for (const [seq, oldest] of this.#events) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#events.delete(seq);
      this.#bytes -= weightOf(oldest);
    }
  }

  get(seq: number): HeldEvent | undefined {
    return this.#events.get(seq);
  }
}

function weightOf({ attributes, headers, data }: HeldEvent): number {
  let text = 0;
  for (const fields of [attributes, headers]) {
    for (const [name, value] of Object.entries(fields)) text += name.length + value.length;
  }
  return OVERHEAD + 2 * text + (data?.length ?? 0);
}
