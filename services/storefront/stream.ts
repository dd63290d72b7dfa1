import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { problems } from '../../platform/errors.ts';
import type { Listener } from './bell.ts';
import type { Entry } from './timeline.ts';

export interface StreamOptions {
  /** Streams at once; more are answered 503. */
  readonly max: number;
  /** Milliseconds between looks for what another replica wrote. */
  readonly poll: number;
  /** Milliseconds of silence before a comment keeps the connection open. */
  readonly heartbeat: number;
}

export interface Watching {
  readonly customerId: string;
  readonly after: number;
  readonly listener: Listener;
  readonly closing: AbortSignal;
  read(after: number, limit: number): Promise<Entry[]>;
  /** Milliseconds until nothing more is to be told; `undefined` while there may be. */
  left(): Promise<number | undefined>;
}

/** A customer's streams at once: more than anybody's open pages. */
const MAX_PER_CUSTOMER = 10;

const PAGE = 100;

export const streamHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

/** The open timelines of this process. */
export class Streams {
  readonly #options: StreamOptions;
  readonly #perCustomer = new Map<string, number>();
  #open = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Sends what happens as server-sent events, until there is no more, the client leaves or the service closes. */
  async follow(response: ServerResponse, watching: Watching): Promise<void> {
    const { closing, listener, customerId } = watching;
    const ended = new AbortController();
    const end = (): void => {
      ended.abort();
      listener.wake();
    };
    this.#count(customerId, 1);
    response.once('close', end);
    closing.addEventListener('abort', end, { once: true });
    if (closing.aborted || response.destroyed) end();
    try {
      await this.#send(response, watching, ended.signal);
    } finally {
      this.#count(customerId, -1);
      closing.removeEventListener('abort', end);
      response.end();
    }
  }

  /** @throws Problem 503 when as many are open as may be, 429 when so many are one customer's. */
  admit(customerId: string): void {
    if ((this.#perCustomer.get(customerId) ?? 0) >= MAX_PER_CUSTOMER) {
      throw problems.tooMany(`${MAX_PER_CUSTOMER} of your timelines are open already; close one`);
    }
    if (this.#open >= this.#options.max) {
      throw problems.unavailable(`${this.#options.max} timelines are open already; try again`);
    }
  }

  #count(customerId: string, change: 1 | -1): void {
    this.#open += change;
    const open = (this.#perCustomer.get(customerId) ?? 0) + change;
    if (open > 0) this.#perCustomer.set(customerId, open);
    else this.#perCustomer.delete(customerId);
  }

  async #send(response: ServerResponse, watching: Watching, ended: AbortSignal): Promise<void> {
    const { poll, heartbeat } = this.#options;
    let last = watching.after;
    let spoke = performance.now();
    let left = await watching.left();
    await write(response, 'retry: 2000\n\n', ended);
    while (!ended.aborted) {
      const entries = await watching.read(last, PAGE);
      if (entries.length > 0) {
        await write(response, entries.map(asText).join(''), ended);
        last = entries.at(-1)?.seq ?? last;
        spoke = performance.now();
        left = await watching.left();
      } else if (left !== undefined && left <= 0) {
        return;
      } else if (performance.now() - spoke >= heartbeat) {
        await write(response, ': still here\n\n', ended);
        spoke = performance.now();
      } else {
        await watching.listener.next(Math.min(poll, heartbeat, left ?? poll));
        if (left !== undefined) left = await watching.left();
      }
    }
  }
}

function asText({ seq, ...entry }: Entry): string {
  return `id: ${seq}\nevent: ${entry.event}\ndata: ${JSON.stringify(entry)}\n\n`;
}

/** Waits for a slow reader rather than keep what it does not read. */
async function write(response: ServerResponse, text: string, ended: AbortSignal): Promise<void> {
  if (ended.aborted || response.write(text)) return;
  await once(response, 'drain', { signal: ended }).catch(() => undefined);
}
