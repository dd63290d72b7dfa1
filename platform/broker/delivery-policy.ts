import type { BrokerManifest, DeliverySpec, Destination, TriggerManifest } from './manifests.ts';

/** How often and when a delivery is tried, and where it goes when it fails for good. */
export interface DeliveryPolicy {
  /** Attempts after the first one. */
  readonly retry: number;
  /** Milliseconds to wait before a retry; the first retry is number 1. */
  waitBefore(retry: number): number;
  /** Milliseconds that one attempt may take. */
  readonly timeoutMs: number;
  readonly deadLetterSink: Destination | undefined;
}

/** As the webhook sets them where a Broker says nothing (broker-contract, section 3.2). */
const KNATIVE_DEFAULTS: DeliverySpec = { retry: 10, backoffPolicy: 'exponential', backoffDelay: 200 };
/** Kafka's; the in-memory class has none. */
const DEFAULT_TIMEOUT_MS = 600_000;

/**
 * The policy of a Trigger: its own `delivery` replaces the Broker's as a whole, but the Broker's dead letter sink
 * still catches (broker-contract, section 3.2).
 */
export function policyOf(trigger: TriggerManifest, broker: BrokerManifest): DeliveryPolicy {
  const inherited = broker.delivery ?? KNATIVE_DEFAULTS;
  const spec = trigger.delivery ?? inherited;
  return {
    retry: spec.retry ?? 0,
    waitBefore: backoff(spec),
    timeoutMs: spec.timeout ?? DEFAULT_TIMEOUT_MS,
    deadLetterSink: spec.deadLetterSink ?? broker.delivery?.deadLetterSink,
  };
}

/** The documented formula (section 3.3): linear `delay·n`, exponential `delay·2^n`; both fields are needed. */
function backoff({ backoffPolicy, backoffDelay }: DeliverySpec): (retry: number) => number {
  if (!backoffPolicy || !backoffDelay) return () => 0;
  if (backoffPolicy === 'linear') return (retry) => Math.min(backoffDelay * retry, MAX_WAIT_MS);
  return (retry) => Math.min(backoffDelay * 2 ** retry, MAX_WAIT_MS);
}

/** setTimeout cannot wait longer. */
const MAX_WAIT_MS = 2 ** 31 - 1;
