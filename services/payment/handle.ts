import type { orderPlaced } from '../../events/order.ts';
import type { Effects, Received, Scope, TaskOrder } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import * as decide from './decide.ts';
import type { Gateway, GatewayRequest } from './gateway.ts';
import type { Decision, Emits, Payment } from './payment.ts';
import { payments, record } from './store.ts';
import { stepTask } from './steps.ts';

export interface Deps {
  readonly gateway: Gateway;
  /** Milliseconds before its end at which an authorization is renewed. */
  readonly renewBefore: number;
}

interface OfOrder {
  readonly orderId: string;
  readonly customerId: string;
}

export async function placed(
  tx: Tx,
  { data }: Received<typeof orderPlaced>,
  scope: Scope<Deps>,
): Promise<Effects<Emits>> {
  const order = { ...data.total, token: data.paymentToken };
  return store(tx, decide.placed(await load(tx, data), order), scope);
}

/** A handler that applies one rule to the order's payment. */
export function apply(rule: (payment: Payment) => Decision) {
  return async (tx: Tx, { data }: { readonly data: OfOrder }, scope: Scope<Deps>): Promise<Effects<Emits>> =>
    store(tx, rule(await load(tx, data)), scope);
}

export async function renew(tx: Tx, data: OfOrder, scope: Scope<Deps>): Promise<Effects<Emits>> {
  return store(tx, decide.renew(await load(tx, data)), scope);
}

/** The inside part of a call to the gateway: what its answer means for the payment. */
export function settle<Answer>(rule: (payment: Payment, key: string, answer: Answer) => Decision) {
  return async (
    tx: Tx,
    request: GatewayRequest,
    answer: Answer,
    scope: Scope<Deps>,
  ): Promise<Effects<Emits>> => store(tx, rule(await load(tx, request), request.key, answer), scope);
}

async function load(tx: Tx, { orderId, customerId }: OfOrder): Promise<Payment> {
  return (await payments.find(tx, orderId)) ?? decide.newPayment(orderId, customerId);
}

async function store(
  tx: Tx,
  { payment, begun, renewLate, entries = [], emit = [], ignored }: Decision,
  { now, deps }: Scope<Deps>,
): Promise<Effects<Emits>> {
  if (ignored !== undefined) return { ignored };
  await payments.save(tx, payment);
  await record(tx, payment.orderId, entries, now);
  const authorized = entries.some((entry) => entry.kind === 'authorized');
  const waiting = decide.isWaiting(payment);
  return {
    emit,
    tasks: [
      ...(begun ? [stepTask(payment, begun)] : []),
      ...(authorized && waiting ? renewal(payment, now, deps.renewBefore) : []),
      ...(renewLate ? [lateRenewal(payment, deps.renewBefore)] : []),
    ],
    cancel: payment.hold && !waiting ? [{ kind: 'renew', key: payment.orderId }] : [],
  };
}

/**
 * The timer that renews an authorization. One that lasts no longer than the margin gets none: it would be renewed
 * over and over while the parcel waits, so its lapse is met when the money is taken.
 */
function renewal(payment: Payment, now: Date, renewBefore: number): TaskOrder[] {
  const order = renewalAt(payment, renewBefore);
  return order.dueAt > now ? [order] : [];
}

/** Close to the end, but early enough that the parcel can be called off and the hold be let go. */
function lateRenewal(payment: Payment, renewBefore: number): TaskOrder {
  return renewalAt(payment, renewBefore / 4);
}

function renewalAt({ orderId, customerId, hold }: Payment, before: number): TaskOrder & { dueAt: Date } {
  const dueAt = new Date(Date.parse(hold?.expiresAt ?? '') - before);
  return { kind: 'renew', key: orderId, payload: { orderId, customerId }, dueAt };
}
