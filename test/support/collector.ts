import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { listen } from '../../platform/http/listen.ts';
import { fieldsOf, type Fields } from './protobuf.ts';

/** A span as a collector got it. */
export interface CollectedSpan {
  /** Name of the service, from its resource. */
  readonly service: string;
  readonly resource: Readonly<Record<string, string>>;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty at the root of a trace. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly error?: string;
}

/** A collector of traces: takes OTLP in protobuf over HTTP, and remembers it. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: CollectedSpan[];
  /** What was sent, as it came. */
  readonly bodies: Buffer[];
  readonly headers: IncomingHttpHeaders[];
  /** Answers every request from now on. @default 200 */
  answer: (response: ServerResponse) => void;
  /** Spans of one name, in the order of their ends. */
  named(name: string): CollectedSpan[];
}

export async function openCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const bodies: Buffer[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const listening = await listen(
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        bodies.push(body);
        headers.push({ path: request.url, ...request.headers });
        spans.push(...spansOf(body));
        collector.answer(response);
      });
    },
    0,
    '127.0.0.1',
  );
  const collector: Collector = {
    url: listening.url,
    spans,
    bodies,
    headers,
    answer: (response) => void response.writeHead(200).end(),
    named: (name) => spans.filter((span) => span.name === name),
    [Symbol.asyncDispose]: () => listening.close(0),
  };
  return collector;
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];

/** The numbers are those of `opentelemetry/proto/trace/v1/trace.proto`. */
function spansOf(request: Buffer): CollectedSpan[] {
  return fieldsOf(request)
    .messages(1)
    .flatMap((resourceSpans) => {
      const resource = attributesOf(resourceSpans.messages(1).flatMap((each) => each.messages(1)));
      return resourceSpans
        .messages(2)
        .flatMap((scopeSpans) => scopeSpans.messages(2))
        .map((span) => ({ service: resource['service.name'] ?? '', resource, ...spanOf(span) }));
    });
}

function spanOf(span: Fields): Omit<CollectedSpan, 'service' | 'resource'> {
  const [status] = span.messages(15);
  const failed = status?.number(3) === 2;
  return {
    traceId: span.bytes(1).toString('hex'),
    spanId: span.bytes(2).toString('hex'),
    parentId: span.bytes(4).toString('hex'),
    name: span.bytes(5).toString(),
    kind: KINDS[span.number(6)] ?? '',
    attributes: attributesOf(span.messages(9)),
    ...(failed ? { error: status.bytes(2).toString() } : {}),
  };
}

/** Texts and whole numbers; there are no others. */
function attributesOf(pairs: readonly Fields[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value] = pair.messages(2);
      return [
        pair.bytes(1).toString(),
        value?.has(3) ? String(value.number(3)) : (value?.bytes(1).toString() ?? ''),
      ];
    }),
  );
}
