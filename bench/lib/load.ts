import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { orderBody } from '../../test/support/customer.ts';

/** An order that was accepted. */
export interface Accepted {
  readonly id: string;
  readonly acceptedAt: number;
}

const MAX_TRIES = 20;
const AGAIN_MS = 1000;

/** Places orders, each by a guest of its own. */
export class Load {
  readonly #pool: Pool;

  constructor(storefront: string) {
    this.#pool = new Pool(storefront, { connections: 64 });
  }

  /** Orders that were answered 503 so far; they were placed again. */
  refusals = 0;

  async place(key = randomUUID(), tries = 1): Promise<Accepted> {
    const { statusCode, body } = await this.#pool.request({
      method: 'POST',
      path: '/api/orders',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(orderBody({ lines: [{ sku: 'TW-ROPE-10', quantity: 1 }] })),
    });
    const answer = (await body.json()) as { id: string };
    if (statusCode === 503 && tries < MAX_TRIES) {
      this.refusals += 1;
      await new Promise((resume) => setTimeout(resume, AGAIN_MS));
      return this.place(key, tries + 1);
    }
    if (statusCode !== 201) throw new Error(`an order was answered ${statusCode}: ${JSON.stringify(answer)}`);
    return { id: answer.id, acceptedAt: Date.now() };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Runs `work` at a fixed rate, whatever it takes; resolves with the results when all are there. */
export async function atRate<T>(perSecond: number, seconds: number, work: () => Promise<T>): Promise<T[]> {
  const total = perSecond * seconds;
  const started = performance.now();
  const running: Promise<T>[] = [];
  while (running.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / 1000) * perSecond));
    while (running.length < due) running.push(toldLater(work()));
    await new Promise((resume) => setTimeout(resume, 5));
  }
  return Promise.all(running);
}

/** A promise whose failure is told by whoever awaits it in the end, and ends nothing before. */
export function toldLater<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** The value below which a share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
