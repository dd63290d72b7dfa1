import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from './api-server.ts';

/** What an API server says that is busy, or comes up again. */
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const WAITS_MS = [200, 1000, 3000];

/**
 * Asks again where the API server is busy or the connection broke: that says nothing about the shop. What it says at last,
 * stands.
 */
export function insistently(ask: ApiServer, waits: readonly number[] = WAITS_MS): ApiServer {
  return async (path, body) => {
    for (const wait of waits) {
      const answer = await ask(path, body).catch(() => undefined);
      if (answer && !PASSING.has(answer.status)) return answer;
      await sleep(wait);
    }
    return await ask(path, body);
  };
}
