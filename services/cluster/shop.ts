import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../platform/errors.ts';

/** An answer of a service, its body read. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly cookie: string | undefined;
}

/** Where the services are, and how patient to be with them. */
export interface ShopAddresses {
  readonly urls: Readonly<Record<string, string>>;
  readonly staffToken: string;
  /** Longest wait for one thing, in milliseconds. */
  readonly patienceMs: number;
  /** Longest wait for one answer; then the call comes again. @default patienceMs */
  readonly answerMs?: number;
}

const PAUSE_MS = 200;

/** A shop as its customers and its staff reach it: by HTTP alone. */
export class RemoteShop {
  readonly services: readonly string[];
  readonly #shop: ShopAddresses;

  constructor(shop: ShopAddresses) {
    this.#shop = shop;
    this.services = Object.keys(shop.urls);
  }

  urlOf(service: string): string {
    return this.#shop.urls[service] ?? '';
  }

  /** One call. While the service cannot be reached, or answers 503, it comes again. */
  async call(service: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, headers = {} } = options;
    let fault = '';
    const answer = await this.wait(`${service} answers ${method} ${path}`, async () => {
      const response = await fetch(`${this.urlOf(service)}${path}`, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(this.#shop.answerMs ?? this.#shop.patienceMs),
      }).catch((error: unknown) => {
        fault = messageOf(error);
        return undefined;
      });
      // Whoever goes away in the middle of an answer has given none.
      const text = await response?.text().catch(() => undefined);
      if (!response || text === undefined) return undefined;
      fault = `${response.status}`;
      const cookie = response.headers.get('set-cookie')?.split(';', 1)[0];
      return response.status === 503 ? undefined : { status: response.status, body: text, cookie };
    }).catch((error: unknown) => {
      throw new Error(`${messageOf(error)} (${fault})`);
    });
    return answer;
  }

  /** A call of the staff's. */
  staff(service: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.#shop.staffToken}` };
    return this.call(service, method, path, { headers, ...(body === undefined ? {} : { body }) });
  }

  /** What staff gets to see; `undefined` where there is nothing. @throws when the token is refused */
  async look<T>(service: string, path: string): Promise<T | undefined> {
    const { status, body } = await this.staff(service, 'GET', path);
    if (status === 401) throw new Error(`${service} refuses the staff token`);
    return status === 200 ? (JSON.parse(body) as T) : undefined;
  }

  /** A text in it. */
  async see(service: string, path: string, member: string): Promise<string | undefined> {
    return (await this.look<Record<string, string>>(service, path))?.[member];
  }

  /** Looks again and again until there is something. @throws Error naming what was waited for */
  async wait<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const end = performance.now() + this.#shop.patienceMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > end)
        throw new Error(`waited ${this.#shop.patienceMs / 1000} s in vain: ${what}`);
      await sleep(PAUSE_MS);
    }
  }
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
