import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as breathe } from 'node:timers/promises';
import { z } from 'zod';
import { problems } from '../errors.ts';

/** How many streams, and how lively. */
export interface LiveOptions {
  /** Streams at once; more are answered 503. */
  readonly max: number;
  /** Streams of one owner at once; more are answered 429. @default no limit of its own */
  readonly maxPerOwner?: number;
  /** Milliseconds between looks for what another process wrote. */
  readonly poll: number;
  /** Milliseconds of silence before a comment keeps the connection open. */
  readonly heartbeat: number;
  /** Aborted when the service shuts down. */
  readonly closing: AbortSignal;
}

/** One server-sent event. `seq` is its id: whoever comes back with it goes on behind it. */
export interface LiveEvent {
  readonly seq: number;
  readonly event: string;
  /** Sent as JSON. */
  readonly data: unknown;
}

/** What one stream tells. */
export interface Live {
  /** Tells what comes after this sequence. */
  readonly after: number;
  /** Rings for other topics do not concern it. @default '' */
  readonly topic?: string;
  /** Whom it counts for. */
  readonly owner?: string;
  /** Milliseconds until it ends when nothing more comes; `undefined` while there may be more. @default it never ends */
  left?(): Promise<number | undefined>;
  /**
   * What comes after a sequence, in order, a page at a time.
   * @returns `scanned`: how far was looked, at least as far as its last event; as far as before when there is no more.
   * `waits`: there is more, which cannot be told yet
   */
  read(after: number): Promise<{
    readonly events: readonly LiveEvent[];
    readonly scanned: number;
    readonly waits?: boolean;
  }>;
}

/** Headers of a stream of server-sent events. */
export const liveHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

/** Where a reader goes on: the `id` of the last event it has, in a query or in `Last-Event-ID`. */
export const position = z
  .string()
  .regex(/^\d{1,15}$/, 'must be the id of an event of this stream, or 0')
  .transform(Number);

/** What a reader that connects again sends as `Last-Event-ID`. @throws Problem 422 when it is no id of ours */
export function lastEventId(header: string | undefined): number | undefined {
  const parsed = position.optional().safeParse(header);
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues[0]?.message ?? '';
  throw problems.invalid(`last-event-id: ${message}`, [{ field: 'last-event-id', message }]);
}

/** Rings within so many milliseconds are one: a busy store is not read by every stream at every commit. */
const GATHER_MS = 20;

/** Streams of server-sent events that are fed from a store: whoever reconnects goes on where it left off. */
export class LiveStreams {
  readonly #options: LiveOptions;
  readonly #open = new Set<Follower>();
  readonly #ringing = new Set<string>();

  constructor(options: LiveOptions) {
    this.#options = options;
    const close = (): void => this.#open.forEach((follower) => follower.end());
    options.closing.addEventListener('abort', close, { once: true });
  }

  /** Says that the store has something new. @param topic of what */
  ring(topic = ''): void {
    if (this.#ringing.has(topic)) return;
    this.#ringing.add(topic);
    setTimeout(() => {
      this.#ringing.delete(topic);
      for (const follower of this.#open) if (follower.topic === topic) follower.wake();
    }, GATHER_MS);
  }

  /**
   * Sends what there is and what comes, until there is no more, the client leaves or the service closes.
   * @throws Problem 503, before anything is sent, when as many streams are open as may be; 429 when so many are one
   * owner's.
   */
  async follow(response: ServerResponse, live: Live): Promise<void> {
    this.#admit(live);
    const follower = new Follower(live);
    response.once('close', () => follower.end());
    if (this.#options.closing.aborted || response.destroyed) follower.end();
    this.#open.add(follower);
    try {
      await this.#send(response, live, follower);
    } finally {
      this.#open.delete(follower);
      response.end();
    }
  }

  #admit({ owner }: Live): void {
    const { max, maxPerOwner = max } = this.#options;
    const own = owner === undefined ? [] : [...this.#open].filter((each) => each.owner === owner);
    if (own.length >= maxPerOwner) {
      throw problems.tooMany(`${maxPerOwner} of your streams are open already; close one`);
    }
    if (this.#open.size >= max) throw problems.unavailable(`${max} streams are open already; try again`);
  }

  async #send(response: ServerResponse, live: Live, follower: Follower): Promise<void> {
    const { poll, heartbeat } = this.#options;
    let at = live.after;
    let spoke = performance.now();
    let left = await live.left?.();
    await write(response, 'retry: 2000\n\n', follower.ended);
    while (!follower.ended.aborted) {
      const { events, scanned, waits = false } = await live.read(at);
      const silence = performance.now() - spoke;
      if (events.length > 0 || silence >= heartbeat) {
        // An id without data moves the reader's position: it need not come back to what was passed over.
        const text = events.length > 0 ? events.map(asText).join('') : `: still here\nid: ${scanned}\n\n`;
        await write(response, text, follower.ended);
        spoke = performance.now();
      } else if (left !== undefined && left <= 0) {
        return;
      } else if (scanned === at) {
        await follower.sleep(Math.min(waits ? GATHER_MS : poll, heartbeat - silence, left ?? poll));
      } else {
        // A store may find nothing for long without ever giving others their turn.
        await breathe();
      }
      at = scanned;
      // What has an end keeps it, unless something comes.
      if (events.length > 0 || left !== undefined) left = await live.left?.();
    }
  }
}

/** Somebody who reads a stream. Woken while awake it does not fall asleep, so that no ring is lost. */
class Follower {
  readonly topic: string;
  readonly owner: string | undefined;
  readonly #end = new AbortController();
  #woken = false;
  #rise: (() => void) | undefined;

  constructor({ topic = '', owner }: Live) {
    this.topic = topic;
    this.owner = owner;
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  end(): void {
    this.#end.abort();
    this.wake();
  }

  wake(): void {
    this.#woken = true;
    this.#rise?.();
  }

  /** Until it is woken, or for so many milliseconds. */
  async sleep(ms: number): Promise<void> {
    if (!this.#woken) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      this.#rise = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#woken = false;
    this.#rise = undefined;
  }
}

function asText({ seq, event, data }: LiveEvent): string {
  return `id: ${seq}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Waits for a slow reader rather than keep what it does not read. */
async function write(response: ServerResponse, text: string, ended: AbortSignal): Promise<void> {
  if (ended.aborted || response.write(text)) return;
  await once(response, 'drain', { signal: ended }).catch(() => undefined);
}
