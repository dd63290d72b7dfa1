import type { IncomingHttpHeaders } from 'node:http';

/** The header that marks a replay, with its id. Knative hands on headers of this prefix (broker-contract, 1.4). */
export const REPLAY_HEADER = 'knative-replay';

/** Which replay brought a request; only what is an id is believed, since it is logged. */
export function replayOf(headers: IncomingHttpHeaders): string | undefined {
  const value = headers[REPLAY_HEADER];
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : undefined;
}
