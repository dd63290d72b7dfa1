import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Sample } from './service.ts';

/** The numbers of one service, on a registry of its own: several services may share a process. */
export interface ServiceMetrics {
  readonly registry: Registry;
  readonly events: Counter<'type' | 'outcome'>;
  readonly handling: Histogram;
  readonly posts: Counter<'result'>;
  readonly taskRuns: Counter<'kind' | 'result'>;
  readonly requests: Counter<'method' | 'route' | 'status'>;
}

/** Makes the metrics of a service; every sample carries its name. */
export function createMetrics(service: string): ServiceMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  const registers = [registry];
  return {
    registry,
    events: new Counter({
      name: 'tradewind_events_total',
      help: 'Events delivered to this service, by what became of them.',
      labelNames: ['type', 'outcome'],
      registers,
    }),
    handling: new Histogram({
      name: 'tradewind_event_handling_seconds',
      help: 'Time from the delivery of an event to its answer.',
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    }),
    posts: new Counter({
      name: 'tradewind_relay_posts_total',
      help: 'Posts of the outbox relay to the broker.',
      labelNames: ['result'],
      registers,
    }),
    taskRuns: new Counter({
      name: 'tradewind_task_runs_total',
      help: 'Runs of durable tasks; a lost one was cancelled or taken over meanwhile.',
      labelNames: ['kind', 'result'],
      registers,
    }),
    requests: new Counter({
      name: 'tradewind_http_requests_total',
      help: 'Requests to the API of this service.',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
  };
}

interface GaugeOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: () => Promise<number | readonly Sample[]>;
}

/** Adds a gauge that is read when somebody asks; one that cannot be read is `NaN`, and spoils no other. */
export function addGauge(registry: Registry, { name, help, labels = [], read }: GaugeOptions): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    collect: async () => {
      try {
        const value = await read();
        const samples = typeof value === 'number' ? [{ labels: {}, value }] : value;
        gauge.reset();
        for (const sample of samples) gauge.set(sample.labels, sample.value);
      } catch {
        gauge.reset();
        if (labels.length === 0) gauge.set(Number.NaN);
      }
    },
  });
}
