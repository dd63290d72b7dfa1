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
  readonly after: number;
  readonly listener: Listener;
  readonly closing: AbortSignal;
  read(after: number, limit: number): Promise<Entry[]>;
}

const PAGE = 100;

export const streamHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

/** The open timelines of this process. */
export class Streams {
  readonly #options: StreamOptions;
  #open = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Sends what happens as server-sent events, until the client leaves or the service closes. */
  async follow(response: ServerResponse, watching: Watching): Promise<void> {
    const { closing, listener } = watching;
    const ended = new AbortController();
    const end = (): void => {
      ended.abort();
      listener.wake();
    };
    this.#open += 1;
    response.once('close', end);
    closing.addEventListener('abort', end, { once: true });
    if (closing.aborted || response.destroyed) end();
    try {
      await this.#send(response, watching, ended.signal);
    } finally {
      this.#open -= 1;
      closing.removeEventListener('abort', end);
      response.end();
    }
  }

  /** @throws Problem 503 when as many are open as may be. */
  admit(): void {
    if (this.#open >= this.#options.max) {
      throw problems.unavailable(`${this.#options.max} timelines are open already; try again`);
    }
  }

  async #send(response: ServerResponse, watching: Watching, ended: AbortSignal): Promise<void> {
    const { poll, heartbeat } = this.#options;
    let last = watching.after;
    let spoke = performance.now();
    await write(response, 'retry: 2000\n\n', ended);
    while (!ended.aborted) {
      const entries = await watching.read(last, PAGE);
      if (entries.length > 0) await write(response, entries.map(asText).join(''), ended);
      else if (performance.now() - spoke >= heartbeat) await write(response, ': still here\n\n', ended);
      else {
        await watching.listener.next(Math.min(poll, heartbeat));
        continue;
      }
      spoke = performance.now();
      last = entries.at(-1)?.seq ?? last;
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
