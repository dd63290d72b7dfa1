import type { TaskRow } from '../store/tasks.ts';
import type { SpanStart } from './tracing.ts';

// Attribute names by OpenTelemetry's semantic conventions for HTTP, messaging and CloudEvents. They stand here as text:
// most of them are not stable yet, and the package that lists them asks to be copied from.

/** A request to a route. Its path and query are left out: anything may stand in them. */
export function answering(method: string, route: string, traceparent: string | undefined): SpanStart {
  return {
    name: `${method} ${route}`,
    kind: 'server',
    parent: traceparent,
    attributes: { 'http.request.method': method, 'http.route': route, 'url.scheme': 'http' },
  };
}

/** An event that was delivered. @param event its attributes */
export function processing(event: Readonly<Record<string, string>>): SpanStart {
  return aboutEvent('process', 'consumer', event);
}

/** An event on its way to the broker. @param document the event in structured mode */
export function sending(document: string): SpanStart {
  return aboutEvent('send', 'producer', JSON.parse(document) as Record<string, string>);
}

/** A run of a task. */
export function performing({ kind, key, attempts, cause }: TaskRow): SpanStart {
  return {
    name: `task ${kind}`,
    kind: 'internal',
    parent: cause.traceparent,
    attributes: {
      'tradewind.task.kind': kind,
      'tradewind.task.key': key,
      'tradewind.task.attempt': attempts,
    },
  };
}

function aboutEvent(
  operation: 'process' | 'send',
  kind: SpanStart['kind'],
  { id, source, type, subject, specversion, correlationid, traceparent }: Readonly<Record<string, string>>,
): SpanStart {
  return {
    name: `${operation} ${type}`,
    kind,
    parent: traceparent,
    attributes: {
      'messaging.system': 'knative',
      'messaging.operation.name': operation,
      'messaging.operation.type': operation,
      'messaging.message.id': id,
      'messaging.message.conversation_id': correlationid,
      'cloudevents.event_id': id,
      'cloudevents.event_source': source,
      'cloudevents.event_spec_version': specversion,
      'cloudevents.event_subject': subject,
      'cloudevents.event_type': type,
    },
  };
}
