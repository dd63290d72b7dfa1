/** Somebody who waits for the next ring. */
export interface Listener {
  /** Resolves at the next ring, at once when there was one since the last call, or after `ms`. */
  next(ms: number): Promise<void>;
  /** Ends a wait from outside. */
  wake(): void;
  close(): void;
}

/** Tells those who watch an order, in this process, that something happened to it. */
export class Bell {
  readonly #listeners = new Map<string, Set<Listener>>();

  ring(topic: string): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener.wake();
  }

  listen(topic: string): Listener {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners);
    const listener = new Waiting(() => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    });
    listeners.add(listener);
    return listener;
  }
}

class Waiting implements Listener {
  readonly close: () => void;
  #rung = false;
  #resume: (() => void) | undefined;

  constructor(close: () => void) {
    this.close = close;
  }

  async next(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#rung = false;
    this.#resume = undefined;
  }

  wake(): void {
    this.#rung = true;
    this.#resume?.();
  }
}
