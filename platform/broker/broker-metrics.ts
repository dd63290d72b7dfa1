import { Counter, Registry } from 'prom-client';
import type { ServiceMetrics } from '../metrics.ts';

/** The numbers of a broker. */
export interface BrokerMetrics {
  readonly registry: Registry;
  readonly requests: ServiceMetrics['requests'];
  readonly received: Counter<'broker' | 'status'>;
  readonly deliveries: Counter<'trigger' | 'result'>;
  readonly deadLetters: Counter<'trigger' | 'code'>;
  readonly lost: Counter<'trigger' | 'code'>;
}

export function createBrokerMetrics(): BrokerMetrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'tradewind_http_requests_total',
      help: 'Requests to the API of the broker.',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    received: new Counter({
      name: 'tradewind_broker_events_total',
      help: 'Events posted to a Broker, by the answer.',
      labelNames: ['broker', 'status'],
      registers,
    }),
    deliveries: new Counter({
      name: 'tradewind_broker_deliveries_total',
      help: 'Attempts to deliver an event, by Trigger and result.',
      labelNames: ['trigger', 'result'],
      registers,
    }),
    deadLetters: new Counter({
      name: 'tradewind_broker_dead_letters_total',
      help: 'Deliveries that failed for good and go to their dead letter sink, by Trigger and last status.',
      labelNames: ['trigger', 'code'],
      registers,
    }),
    lost: new Counter({
      name: 'tradewind_broker_lost_total',
      help: 'Deliveries that failed for good and ended there: their Trigger has no dead letter sink.',
      labelNames: ['trigger', 'code'],
      registers,
    }),
  };
}
