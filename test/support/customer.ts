import { randomUUID } from 'node:crypto';
import { call, type Answer } from './service.ts';
import { until } from './until.ts';

/** Where the programs of a shop are. */
export type Addresses = (name: string) => string;

export const homeAddress = {
  recipient: 'Ada Lindqvist',
  line1: 'Hafenstraße 12',
  city: 'Hamburg',
  postalCode: '20457',
  country: 'DE',
};
export const newAddress = { ...homeAddress, line1: 'Deichweg 3', postalCode: '20459' };

/** An order to post, with the article that every test stock has. */
export function orderBody(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    lines: [{ sku: 'TW-ROPE-10', quantity: 2 }],
    contact: { name: 'Ada Lindqvist', email: 'ada@example.com' },
    shippingAddress: homeAddress,
    paymentToken: 'tok_visa',
    ...changes,
  };
}

/** The storefront may be killed again and again meanwhile, and start slowly. */
const PATIENCE_MS = 60_000;

/** Somebody who shops: keeps the session cookie, and asks again while the storefront is away. */
export class Customer {
  readonly #addresses: Addresses;
  readonly #onRefused: (answer: Answer | undefined) => void;
  #cookie: string | undefined;

  /** @param onRefused hears every 503, and `undefined` when nobody answers */
  constructor(addresses: Addresses, onRefused: (answer: Answer | undefined) => void = () => undefined) {
    this.#addresses = addresses;
    this.#onRefused = onRefused;
  }

  /** Places an order. @returns its id. */
  async place(changes: Record<string, unknown> = {}): Promise<string> {
    const headers = { 'idempotency-key': randomUUID() };
    const answer = await this.insist('POST', '/api/orders', { body: orderBody(changes), headers });
    if (answer.status !== 201) throw new Error(`the order was refused: ${JSON.stringify(answer.body)}`);
    return answer.body.id as string;
  }

  order(id: string): Promise<Answer> {
    return this.insist('GET', `/api/orders/${id}`);
  }

  cancel(id: string): Promise<Answer> {
    return this.insist('POST', `/api/orders/${id}/cancellation`);
  }

  moveTo(address: object): Promise<Answer> {
    return this.insist('PUT', '/api/me/shipping-address', { body: address });
  }

  /** Waits until an order has one of these states. */
  async waitFor(id: string, ...states: string[]): Promise<Answer['body']> {
    let order: Answer['body'];
    let seen = '';
    await until(`order ${id} is ${states.join(' or ')}`, async () => {
      ({ body: order } = await this.order(id));
      seen = order.status;
      return states.includes(seen);
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it is ${seen}`);
    });
    return order;
  }

  /** One call with the session's cookie; while nobody answers, or with 503, it comes again. */
  async insist(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    let answer: Answer | undefined;
    await until(
      `${method} ${path} is answered`,
      async () => {
        const headers = { ...options.headers, ...(this.#cookie ? { cookie: this.#cookie } : {}) };
        answer = await call(this.#addresses('storefront'), method, path, { ...options, headers }).catch(
          () => undefined,
        );
        if (answer !== undefined && answer.status !== 503) return true;
        this.#onRefused(answer);
        return false;
      },
      PATIENCE_MS,
    );
    if (!answer) throw new Error('no answer');
    this.#cookie = answer.headers.get('set-cookie')?.split(';', 1)[0] ?? this.#cookie;
    return answer;
  }
}
