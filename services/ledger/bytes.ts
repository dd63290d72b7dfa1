interface Waiter {
  readonly bytes: number;
  readonly start: () => void;
}

/** Bytes of long bodies that may be in memory at once. */
export class ByteBudget {
  readonly #total: number;
  readonly #waiting: Waiter[] = [];
  #free: number;

  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  /** Bytes that there are, free or taken. */
  get total(): number {
    return this.#total;
  }

  /** Takes bytes if they are there, and nobody waits for them. @returns whether it did */
  tryTake(bytes: number): boolean {
    if (this.#waiting.length > 0 || bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  /** Works with bytes as soon as they are there, in the order of asking. More than there are at all is all of them. */
  async with<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const size = Math.min(bytes, this.#total);
    if (!this.tryTake(size)) await new Promise<void>((start) => this.#waiting.push({ bytes: size, start }));
    try {
      return await work();
    } finally {
      this.give(size);
    }
  }

  give(bytes: number): void {
    this.#free += bytes;
    for (let [next] = this.#waiting; next && next.bytes <= this.#free; [next] = this.#waiting) {
      this.#waiting.shift();
      this.#free -= next.bytes;
      next.start();
    }
  }
}
