import type { IncomingHttpHeaders } from 'node:http';
import type { WireEvent } from '../cloudevents.ts';

/** Headers that travel with an event without being part of it. */
export type ForwardedHeaders = Readonly<Record<string, string>>;

/** An event with the headers that travel with it. */
export interface RoutedEvent extends WireEvent {
  readonly headers: ForwardedHeaders;
}

/** What Knative hands on, but for `retry-after`, which is said to the next hop alone (broker-contract, section 1.4). */
const FORWARDED = /^(?:x-request-id$|knative-|x-b3-)/;
/** What any client will send again as it is. */
const PRINTABLE = /^[\t -~]*$/;
const MAX_BYTES = 4096;

/** The headers of a request or an answer that are handed on; what does not fit into 4 KiB in all is left off. */
export function forwardedOf(headers: IncomingHttpHeaders): ForwardedHeaders {
  const forwarded: Record<string, string> = {};
  let room = MAX_BYTES;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || !FORWARDED.test(name) || !PRINTABLE.test(value)) continue;
    const size = name.length + value.length;
    if (size > room) continue;
    forwarded[name] = value;
    room -= size;
  }
  return forwarded;
}
