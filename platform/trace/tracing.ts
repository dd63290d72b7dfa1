import type { Log } from '../log.ts';
import type { TraceSettings } from './settings.ts';
import { traceOf } from './traceparent.ts';

/** What may be said of a span: ids, names and counts; never event data, an address, a contact or a token. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** A piece of work that is about to begin. */
export interface SpanStart {
  readonly name: string;
  readonly kind: 'server' | 'consumer' | 'producer' | 'internal';
  /** The `traceparent` of what caused it; without a well-formed one it begins a trace. */
  readonly parent: string | undefined;
  readonly attributes: Attributes;
}

/** A piece of work under way. */
export interface Span {
  /** The trace that its consequences belong to: this span's own; where nothing is traced, its parent. */
  readonly cause: { readonly traceparent?: string };
  set(attributes: Attributes): void;
  /** @param type of low cardinality, like a status code. @param detail free of data */
  fail(type: string, detail?: string): void;
}

/** The traces of one service. */
export interface Tracing {
  /** Whether anybody collects spans. */
  readonly active: boolean;
  /** Does work in a span. What it throws is recorded, and thrown on. */
  span<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T>;
  /** Hands over the spans that wait; gives up after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Makes no spans, and passes on the trace that a message came with. */
export const untraced: Tracing = {
  active: false,
  span: (start, work) => work({ cause: traceOf(start.parent), set() {}, fail() {} }),
  close: () => Promise.resolve(),
};

/** Opens the traces of a service. OpenTelemetry is loaded only where there is a collector. */
export async function openTracing(service: string, settings: TraceSettings, log: Log): Promise<Tracing> {
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return untraced;
  const { OtlpTracing } = await import('./otlp.ts');
  return new OtlpTracing(service, endpoint, settings, log);
}
