import { Pool } from 'undici';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';
import type { ServiceMetrics } from './metrics.ts';
import { Pump } from './pump.ts';
import { SharedOutbox, wholeOutbox, type OutboxShare } from './outbox-share.ts';
import { markSent, type OutboxRow } from './store/outbox.ts';
import type { Sink } from './sink.ts';
import type { Store } from './store/store.ts';
import { sending } from './trace/spans.ts';
import type { Span, Tracing } from './trace/tracing.ts';

export interface RelayOptions {
  readonly store: Store;
  readonly sink: Sink;
  /** Extensions that a SinkBinding asks to set on every event (`K_CE_OVERRIDES`). */
  readonly overrides: Readonly<Record<string, string>>;
  /** Posts at work at once, at most one per partition key. */
  readonly maxInFlight: number;
  readonly log: Log;
  readonly metrics: ServiceMetrics;
  readonly tracing: Tracing;
}

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 2000;
const MAX_BUFFERED = 2000;

/**
 * Sends the outbox to the broker: all unsent rows, at start and continuously, in order per partition key. Any answer
 * but 2xx means send again, the same event with the same id, with backoff and for ever.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #pump: Pump<OutboxRow>;
  readonly #share: OutboxShare;
  /** How often an event was refused, by its sequence. */
  readonly #refusals = new Map<number, number>();
  #failures = 0;
  #pausedUntil = 0;
  #stopping = false;

  constructor(options: RelayOptions) {
    const { store, sink, maxInFlight, log } = options;
    this.#options = options;
    const { origin, pathname, search } = new URL(sink.url);
    this.#path = pathname + search;
    this.#pool = new Pool(origin, {
      connections: maxInFlight,
      headersTimeout: sink.timeoutMs,
      bodyTimeout: sink.timeoutMs,
      connect: { timeout: 5000, ...(sink.ca === undefined ? {} : { ca: sink.ca }) },
      keepAliveTimeout: 4000,
    });
    this.#pump = new Pump<OutboxRow>({
      fetch: (after, limit) => this.#share.fetch(after, limit),
      seq: (row) => row.seq,
      key: (row) => row.partitionKey,
      work: (row) => this.#send(row),
      settle: async (rows) => {
        await markSent(store, rows);
        for (const row of rows) this.#share.end(row);
      },
      maxInFlight,
      maxBuffered: MAX_BUFFERED,
      onError: (error) => log.error({ err: error }, 'the relay failed; it goes on'),
    });
    this.#share =
      store.dialect.engine === 'postgres'
        ? new SharedOutbox({ store, log, onNews: () => this.#pump.wake() })
        : wholeOutbox(store);
    this.#pump.wake();
  }

  /** Says that the outbox has something new. */
  wake(): void {
    this.#pump.wake();
  }

  /**
   * Starts no further post; resolves when those at work are answered, or gives them up after `graceMs`. What is not
   * known to be taken stays in the outbox, and is sent at the next start.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await this.#pump.stop(graceMs);
    await this.#share.close();
    await this.#pool.destroy();
  }

  async #send(row: OutboxRow): Promise<'done' | 'lost' | number> {
    if (!this.#share.begin(row)) return 'lost';
    const outcome = await this.#traced(row);
    // What was taken is at work until it is removed.
    if (outcome !== 'done') this.#share.end(row);
    return outcome;
  }

  /** The event keeps the trace that it was stored with; the post is a span beside what the event leads to. */
  #traced(row: OutboxRow): Promise<'done' | number> {
    const { tracing } = this.#options;
    // Without a collector nobody reads the event again.
    if (!tracing.active) return this.#post(row);
    return tracing.span(sending(row.event), (span) => this.#post(row, span));
  }

  async #post(row: OutboxRow, span?: Span): Promise<'done' | number> {
    const { sink, metrics, log } = this.#options;
    const type = 'application/cloudevents+json; charset=utf-8';
    try {
      const { statusCode, body } = await this.#pool.request({
        method: 'POST',
        path: this.#path,
        headers: { 'content-type': type, ...sink.token.headers(), ...span?.cause },
        body: this.#withOverrides(row.event),
      });
      await body.dump();
      metrics.posts.inc({ result: String(statusCode) });
      span?.set({ 'http.response.status_code': statusCode });
      if (statusCode >= 200 && statusCode < 300) {
        this.#failures = 0;
        this.#refusals.delete(row.seq);
        return 'done';
      }
      span?.fail(String(statusCode));
      log.warn({ seq: row.seq, status: statusCode }, 'the broker did not take an event; it is sent again');
      return statusCode === 503 ? this.#pauseAll() : this.#waitOf(row);
    } catch (error) {
      metrics.posts.inc({ result: 'no_answer' });
      span?.fail('no_answer', messageOf(error));
      if (this.#failures === 0)
        log.warn({ reason: messageOf(error) }, 'the broker does not answer; the outbox waits');
      return this.#pauseAll();
    }
  }

  /** Nobody gets through: all wait together instead of knocking one by one, and count as one failure. */
  #pauseAll(): number {
    const now = performance.now();
    if (this.#stopping || now < this.#pausedUntil) return this.#pausedUntil - now;
    const wait = backoff(this.#failures);
    this.#failures += 1;
    this.#pausedUntil = now + wait;
    this.#pump.pauseFor(wait);
    return wait;
  }

  /** The broker refuses this event: it alone waits, and its key behind it. */
  #waitOf({ seq }: OutboxRow): number {
    const before = this.#refusals.get(seq) ?? 0;
    this.#refusals.set(seq, before + 1);
    return backoff(before);
  }

  #withOverrides(event: string): string {
    const { overrides } = this.#options;
    if (Object.keys(overrides).length === 0) return event;
    return JSON.stringify({ ...(JSON.parse(event) as object), ...overrides });
  }
}

function backoff(failures: number): number {
  const wait = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10));
  return wait * (0.75 + Math.random() / 2);
}
