import type { LiveStreams } from '../../platform/http/live.ts';
import type { Effects, Scope } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import type { Catalogue } from './catalogue.ts';
import { awaitsDeadline, expire } from './decide.ts';
import type { Decision, Emits, Order } from './order.ts';
import type { Sessions } from './session.ts';
import { orders } from './store.ts';
import { record } from './timeline.ts';

export interface Deps {
  readonly catalogue: Catalogue;
  readonly sessions: Sessions;
  /** The open timelines of this process; a topic is an order. */
  readonly live: LiveStreams;
  /** Milliseconds an order may take to be confirmed. */
  readonly orderDeadline: number;
}

interface OfOrder {
  readonly orderId: string;
  readonly customerId: string;
}

/** A handler that applies one rule to the order of an event. */
export function hear<Data extends OfOrder>(event: string, rule: (order: Order, data: Data) => Decision) {
  return async (tx: Tx, { data }: { readonly data: Data }, scope: Scope<Deps>): Promise<Effects<Emits>> => {
    const order = await orders.find(tx, data.orderId);
    if (!order) return { ignored: 'no such order' };
    if (order.customerId !== data.customerId) return { ignored: 'the order belongs to another customer' };
    return apply(tx, order, event, rule(order, data), scope);
  };
}

/** The deadline of an order passed. */
export async function orderDeadline(
  tx: Tx,
  { orderId }: { orderId: string },
  scope: Scope<Deps>,
): Promise<Effects<Emits>> {
  const order = await orders.find(tx, orderId);
  if (!order) return { ignored: 'no such order' };
  return apply(tx, order, 'order.expired', expire(order), scope);
}

/** Stores what a rule decided; the deadline goes when nothing waits for it any more. */
export async function apply(
  tx: Tx,
  before: Order,
  event: string,
  decision: Decision,
  { now, deps: { live } }: Scope<Deps>,
): Promise<Effects<Emits>> {
  if (decision.ignored !== undefined) return { ignored: decision.ignored };
  const { order, text, emit = [] } = decision;
  if (text === undefined) await orders.save(tx, order);
  else await record(tx, order, { event, text, at: now, live });
  const settled = awaitsDeadline(before) && !awaitsDeadline(order);
  return { emit, cancel: settled ? [{ kind: 'expire', key: order.orderId }] : [] };
}
