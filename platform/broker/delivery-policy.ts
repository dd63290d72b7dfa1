import type { BrokerManifest, DeliverySpec, TriggerManifest } from './manifests.ts';
import type { Failed } from '../delivery/outcome.ts';

/** How often and when a delivery is tried. */
export interface DeliveryPolicy {
  /** Milliseconds that one attempt may take. */
  readonly timeoutMs: number;
  /** Milliseconds to wait after so many attempts, the last of which failed; `undefined`: it has failed for good. */
  waitAfter(attempts: number, failure: Failed): number | undefined;
}

type Backoff = (retry: number) => number;

/** As the webhook sets them where a Broker says nothing (broker-contract, section 3.2). */
const KNATIVE_DEFAULTS = { retry: 10, backoffPolicy: 'exponential', backoffDelay: 200 } as const;
/** Kafka's; the in-memory class has none. */
const DEFAULT_TIMEOUT_MS = 600_000;
/** setTimeout cannot wait longer. */
const MAX_WAIT_MS = 2 ** 31 - 1;
/** Longest wait between two attempts to bring a dead letter to its sink. */
export const MAX_SINK_WAIT_MS = 30_000;

/**
 * What a Trigger's deliveries go by: its own `delivery` replaces the Broker's as a whole, but the Broker's dead letter
 * sink still catches (broker-contract, section 3.2).
 */
export function deliveryOf(trigger: TriggerManifest, broker: BrokerManifest): DeliverySpec {
  const spec: DeliverySpec = trigger.delivery ?? broker.delivery ?? KNATIVE_DEFAULTS;
  return { ...spec, deadLetterSink: spec.deadLetterSink ?? broker.delivery?.deadLetterSink };
}

/** Tries as often as the manifest says, and gives up at once where another attempt would not help. */
export function budgetPolicy(spec: DeliverySpec): DeliveryPolicy {
  const wait = backoff(spec) ?? (() => 0);
  return {
    timeoutMs: spec.timeout ?? DEFAULT_TIMEOUT_MS,
    waitAfter: (attempts, { retry }) =>
      retry && attempts <= (spec.retry ?? 0) ? Math.min(wait(attempts), MAX_WAIT_MS) : undefined,
  };
}

/** Never gives up, whatever a dead letter sink answers: behind it is nobody, and one that refuses is set up wrongly. */
export function endlessPolicy(spec: DeliverySpec): DeliveryPolicy {
  const wait = backoff(spec) ?? exponential(KNATIVE_DEFAULTS.backoffDelay);
  return {
    timeoutMs: spec.timeout ?? DEFAULT_TIMEOUT_MS,
    waitAfter: (attempts) => Math.min(wait(attempts), MAX_SINK_WAIT_MS) * (0.5 + Math.random() / 2),
  };
}

/** The documented formula (section 3.3): linear `delay·n`, exponential `delay·2^n`; both fields are needed. */
function backoff({ backoffPolicy, backoffDelay }: DeliverySpec): Backoff | undefined {
  if (!backoffPolicy || !backoffDelay) return undefined;
  return backoffPolicy === 'linear' ? (retry) => backoffDelay * retry : exponential(backoffDelay);
}

function exponential(delay: number): Backoff {
  return (retry) => delay * 2 ** retry;
}
