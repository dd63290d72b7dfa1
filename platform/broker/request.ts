import { toBinary, type HttpMessage } from '../cloudevents.ts';
import { withoutTtl } from './accept.ts';
import type { DeliveryError, HeldEvent } from './store.ts';

/** The request that brings an event to its subscriber (broker-contract, section 3.1). */
export function deliveryRequest(event: HeldEvent, namespace: string): HttpMessage {
  const { headers, body } = toBinary({ attributes: withoutTtl(event.attributes), data: event.data });
  headers['kn-namespace'] = namespace;
  headers['prefer'] = 'reply';
  return { headers, body };
}

/** The request that brings a dead letter to its sink: it says what failed, where and why (section 3.4). */
export function deadLetterRequest(
  event: HeldEvent,
  namespace: string,
  error: DeliveryError | undefined,
): HttpMessage {
  // An event that was a dead letter before keeps what it says of that.
  const attributes = { ...(error ? errorAttributes(error) : {}), ...event.attributes };
  const { headers, body } = toBinary({ attributes, data: event.data });
  headers['kn-namespace'] = namespace;
  return { headers, body };
}

function errorAttributes({ dest, code, data }: DeliveryError): Record<string, string> {
  return {
    knativeerrordest: dest,
    knativeerrorcode: String(code),
    ...(data ? { knativeerrordata: data } : {}),
  };
}
