import { toBinary, type HttpMessage, type WireEvent } from '../cloudevents.ts';
import { withoutTtl } from './accept.ts';
import type { ForwardedHeaders } from '../delivery/forwarded.ts';
import type { DeliveryError, HeldEvent } from './store.ts';

/** The request that brings an event to its subscriber (broker-contract, section 3.1). */
export function deliveryRequest({ attributes, data, headers }: HeldEvent, namespace: string): HttpMessage {
  const event = { attributes: withoutTtl(attributes), data };
  return message(event, { ...headers, 'kn-namespace': namespace, prefer: 'reply' });
}

/** The request that brings a dead letter to its sink: it says what failed, where and why (section 3.4). */
export function deadLetterRequest(
  { attributes, data, headers }: HeldEvent,
  namespace: string,
  error: DeliveryError | undefined,
): HttpMessage {
  const event = { attributes: { ...attributes, ...(error ? errorAttributes(error) : {}) }, data };
  return message(event, { ...headers, 'kn-namespace': namespace });
}

function message(event: WireEvent, beside: ForwardedHeaders): HttpMessage {
  const { headers, body } = toBinary(event);
  return { headers: { ...headers, ...beside }, body };
}

function errorAttributes({ dest, code, data }: DeliveryError): Record<string, string> {
  return {
    knativeerrordest: dest,
    knativeerrorcode: String(code),
    ...(data ? { knativeerrordata: data } : {}),
  };
}
