import { setTimeout as sleep } from 'node:timers/promises';
import type { Order } from '../services/cluster/order.ts';
import { place } from './orders.ts';
import type { Stage } from './stage.ts';

const CUSTOMERS = 4;
/** What a customer waits between two orders. */
const PAUSE_MS = 1000;

/** Customers who order, one after the other, until they are stopped. */
export class Load {
  readonly #stage: Stage;
  readonly #orders: Order[] = [];
  readonly #customers: Promise<void>;
  #failure: unknown;
  #stopped = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    const customers = Array.from({ length: CUSTOMERS }, () => this.#shop());
    this.#customers = Promise.all(customers).then(() => undefined);
    // Told by whoever asks next.
    this.#customers.catch((error: unknown) => {
      this.#failure = error;
      this.#stopped = true;
    });
  }

  /** Waits until some more orders were accepted. @throws Error when one was refused */
  async accepted(more: number): Promise<void> {
    const goal = this.#orders.length + more;
    await this.#stage.shop.wait(`${more} more orders are accepted`, async () => {
      if (this.#failure !== undefined) throw this.#failure;
      return this.#orders.length >= goal ? true : undefined;
    });
  }

  /** Lets nobody order any more. @returns all orders that were accepted @throws Error when one was refused */
  async stop(): Promise<readonly Order[]> {
    this.#stopped = true;
    await this.#customers;
    return this.#orders;
  }

  async #shop(): Promise<void> {
    while (!this.#stopped) {
      this.#orders.push(await place(this.#stage));
      await sleep(PAUSE_MS);
    }
  }
}
