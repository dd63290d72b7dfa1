import { setTimeout as sleep } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { z } from 'zod';
import { checked, readJson, type LedgerClient, type Query } from './client.ts';
import { Unreachable } from './failure.ts';

export interface Following<T> {
  readonly path: string;
  readonly query: Query;
  readonly schema: z.ZodType<T>;
  readonly signal: AbortSignal;
  /** Told once when the connection is lost, and once when it is back. */
  readonly onConnection?: (state: 'lost' | 'back') => void;
}

/**
 * The entries of a live stream, for ever: a lost connection is made again from the entry after the last one.
 * Ends when the signal says so. @throws Failure when the ledger refuses, or is not there at the beginning.
 */
export async function* follow<T>(client: LedgerClient, following: Following<T>): AsyncGenerator<T> {
  const { path, query, schema, signal, onConnection } = following;
  let last: string | undefined;
  let pause = 2000;
  for (let state: 'new' | 'open' | 'lost' = 'new'; !signal.aborted;) {
    try {
      const headers = last === undefined ? {} : { 'last-event-id': last };
      const response = await client.open('GET', path, { query, headers, signal });
      if (state === 'lost') onConnection?.('back');
      state = 'open';
      const parser = new EventSourceParserStream({ onRetry: (ms) => (pause = ms) });
      for await (const { id, data } of response.body
        ?.pipeThrough(new TextDecoderStream())
        .pipeThrough(parser) ?? []) {
        last = id ?? last;
        yield checked(schema, readJson(Buffer.from(data)), `an event of ${path}`);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (state === 'new' || !isLoss(error)) throw error;
    }
    if (state === 'open') onConnection?.('lost');
    state = 'lost';
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}

/** Whether a connection was lost; `fetch` says so by a TypeError with the socket's error as its cause. */
function isLoss(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof TypeError && error.cause !== undefined);
}
