import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span as OtelSpan,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import { messageOf, Problem } from '../errors.ts';
import type { Log } from '../log.ts';
import { within } from '../within.ts';
import type { TraceSettings } from './settings.ts';
import { traceOf } from './traceparent.ts';
import type { Attributes, Span, SpanStart, Tracing } from './tracing.ts';

/** More spans than this at once are dropped: a collector that is away must not cost memory. */
const MAX_WAITING = 2048;
/** Strangers may send events with attributes of any length. */
const MAX_TEXT = 1024;
/** With all repetitions; a collector that is away holds up the end of a process for so long. */
const EXPORT_TIMEOUT_MS = 3000;
const REPEAT_AFTER_MS = 5 * 60_000;

const KINDS = {
  server: SpanKind.SERVER,
  consumer: SpanKind.CONSUMER,
  producer: SpanKind.PRODUCER,
  internal: SpanKind.INTERNAL,
} as const;

/**
 * Traces that go to a collector by OTLP over HTTP. Nothing is registered globally: services that share a process have
 * one each, with a resource of their own. Export never holds anything up: spans wait in a bounded queue.
 */
export class OtlpTracing implements Tracing {
  readonly active = true;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;

  constructor(service: string, endpoint: string, settings: TraceSettings, log: Log) {
    const exporter = new OTLPTraceExporter({
      url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
      headers: settings.OTEL_EXPORTER_OTLP_HEADERS ?? {},
      timeoutMillis: EXPORT_TIMEOUT_MS,
    });
    this.#provider = new TracerProvider({
      resource: resourceOf(service, settings),
      sampler: samplerOf(settings),
      spanProcessors: [
        new BatchSpanProcessor({ exporter: telling(exporter, log), maxQueueSize: MAX_WAITING }),
      ],
    });
    this.#tracer = this.#provider.getTracer('tradewind');
  }

  async span<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T> {
    const options = { kind: KINDS[start.kind], attributes: shortened(start.attributes) };
    const span = new RecordedSpan(
      this.#tracer.startSpan(shorten(start.name), options, contextOf(start.parent)),
    );
    try {
      return await work(span);
    } catch (error) {
      span.failBy(error);
      throw error;
    } finally {
      span.end();
    }
  }

  close(graceMs: number): Promise<void> {
    return within(graceMs, this.#provider.shutdown());
  }
}

class RecordedSpan implements Span {
  readonly #span: OtelSpan;

  constructor(span: OtelSpan) {
    this.#span = span;
  }

  get cause(): { readonly traceparent: string } {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return { traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}` };
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  fail(type: string, detail?: string): void {
    this.#span.setAttribute('error.type', type);
    this.#span.setStatus({
      code: SpanStatusCode.ERROR,
      ...(detail === undefined ? {} : { message: shorten(detail) }),
    });
  }

  /** A problem says what is wrong without saying data; of anything else only the kind is told, the log has the rest. */
  failBy(error: unknown): void {
    if (error instanceof Problem) this.fail(String(error.status), error.message);
    else this.fail((error as Error | undefined)?.name ?? 'unknown');
  }

  end(): void {
    this.#span.end();
  }
}

function shortened(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? shorten(value) : value]),
  );
}

/** Cut and copied: a mere part of a text keeps the whole of it in memory. */
function shorten(text: string): string {
  return text.length > MAX_TEXT ? Buffer.from(text.slice(0, MAX_TEXT)).toString() : text;
}

function contextOf(parent: string | undefined): Context {
  const { traceparent } = traceOf(parent);
  if (traceparent === undefined) return ROOT_CONTEXT;
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function resourceOf(service: string, settings: TraceSettings): Resource {
  const { OTEL_RESOURCE_ATTRIBUTES: more, OTEL_SERVICE_NAME: name } = settings;
  const attributes = {
    'service.name': service,
    ...more,
    ...(name === undefined ? {} : { 'service.name': name }),
  };
  return defaultResource().merge(resourceFromAttributes(attributes));
}

function samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: share }: TraceSettings): Sampler {
  const rules = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(share),
  };
  const root = rules[name.replace('parentbased_', '') as keyof typeof rules]();
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

/** Makes an exporter tell the log when it fails, now and then, and when it is well again. */
function telling(exporter: SpanExporter, log: Log): SpanExporter {
  let toldAt: number | undefined;
  const tell = (error: Error | undefined): void => {
    const now = performance.now();
    if (!error) {
      if (toldAt !== undefined) log.info('the collector takes traces again');
      toldAt = undefined;
    } else if (toldAt === undefined || now - toldAt > REPEAT_AFTER_MS) {
      toldAt = now;
      log.warn(
        { reason: messageOf(error) },
        'the collector does not take traces; those that wait too long are lost',
      );
    }
  };
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        tell(result.error);
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}
