import { paymentIdOf } from '../../events/ids.ts';
import type { Fact } from '../../platform/contract.ts';
import type { Authorization, AuthorizeAnswer, CaptureAnswer, RefundAnswer, VoidAnswer } from './gateway.ts';
import type { Decision, Emits, Entry, Hold, Order, Payment, Step } from './payment.ts';

/** An authorization that lapses again and again before its capture is a provider's fault that a person must see. */
const MAX_LAPSES = 3;

export function newPayment(orderId: string, customerId: string): Payment {
  return { orderId, customerId, version: 0, dispatched: false, rounds: 0, lapses: 0 };
}

export function placed(payment: Payment, order: Order): Decision {
  if (payment.order) return { payment, ignored: 'placed already' };
  return proceed({ ...payment, order });
}

export function dispatched(payment: Payment): Decision {
  if (payment.dispatched) return { payment, ignored: 'dispatched already' };
  return proceed({ ...payment, dispatched: true });
}

/** The order is over: what is held is let go, what was taken goes back, what was not tried is never tried. */
export function close(payment: Payment, reason: string): Decision {
  if (payment.closed !== undefined) return { payment, ignored: `closed already: ${payment.closed}` };
  return proceed({ ...payment, closed: reason });
}

/** The order's deadline passed. Once the gateway was asked, shipping decides and its answer closes the payment. */
export function orderExpired(payment: Payment): Decision {
  if (payment.rounds > 0) return { payment, ignored: 'shipping decides' };
  return close(payment, 'order_expired');
}

/** Whether the money is held and waits for shipping's word. */
export function isWaiting({ hold, outcome, closed, dispatched }: Payment): boolean {
  return hold !== undefined && outcome === undefined && closed === undefined && !dispatched;
}

/** The authorization is about to end while the parcel is still here: a new one is asked for, then the old let go. */
export function renew(payment: Payment): Decision {
  if (!isWaiting(payment) || payment.step) return { payment, ignored: 'nothing to renew' };
  return begin(payment, 'authorize');
}

export function authorizeAnswered(payment: Payment, key: string, answer: AuthorizeAnswer): Decision {
  const answered = endStep(payment, key);
  if (!answered) return unasked(payment);
  return answer.outcome === 'approved' ? approved(answered, key, answer) : refused(answered, answer.reason);
}

export function captureAnswered(payment: Payment, key: string, { outcome }: CaptureAnswer): Decision {
  const answered = endStep(payment, key);
  if (!answered?.hold) return unasked(payment);
  const { hold, ...rest } = answered;
  const entries = [entryOf(rest, outcome, hold, key)];
  if (outcome === 'captured') {
    const captured = { event: 'payment.captured', data: { ...idsOf(rest), amount: moneyOf(rest) } } as const;
    return proceed({ ...rest, hold, outcome }, { entries, emit: [captured] });
  }
  const lapsed = { ...rest, lapses: rest.lapses + 1 };
  if (lapsed.closed !== undefined) return voided(lapsed, entries);
  return lapsed.lapses < MAX_LAPSES
    ? proceed(lapsed, { entries })
    : captureFailed(lapsed, 'authorization_lapsed', entries);
}

export function voidAnswered(payment: Payment, key: string, { outcome }: VoidAnswer): Decision {
  const answered = endStep(payment, key);
  if (!answered) return unasked(payment);
  const { superseded, ...rest } = answered;
  const hold = superseded ?? rest.hold;
  if (!hold) return unasked(payment);
  const entries = [entryOf(rest, outcome, hold, key)];
  return superseded ? proceed(rest, { entries }) : voided(rest, entries);
}

export function refundAnswered(payment: Payment, key: string, { reference }: RefundAnswer): Decision {
  const answered = endStep(payment, key);
  if (!answered?.hold) return unasked(payment);
  const { closed: reason = 'refunded', hold } = answered;
  return proceed(
    { ...answered, outcome: 'refunded', reason },
    {
      entries: [entryOf(answered, 'refunded', { ...hold, reference }, key)],
      emit: [toldWhy(answered, 'payment.refunded', reason)],
    },
  );
}

function approved(payment: Payment, key: string, answer: Authorization): Decision {
  const { reference, last4, expiresAt, saved } = answer;
  const { hold: before, rounds, order } = payment;
  const hold: Hold = { round: rounds, reference, last4, expiresAt };
  const renewed = {
    ...payment,
    hold,
    ...(before ? { superseded: before } : {}),
    ...(order && saved !== undefined ? { order: { ...order, saved } } : {}),
  };
  const authorized = {
    event: 'payment.authorized',
    data: { ...idsOf(payment), amount: moneyOf(payment), last4, expiresAt },
  } as const;
  return proceed(renewed, {
    entries: [entryOf(payment, 'authorized', hold, key)],
    // Others act on the first one only: a renewal changes nothing for them.
    emit: rounds === 1 ? [authorized] : [],
  });
}

function refused(payment: Payment, reason: string): Decision {
  if (payment.rounds === 1) {
    const declined = { event: 'payment.declined', data: { ...idsOf(payment), reason } } as const;
    return proceed({ ...payment, outcome: 'declined', reason }, { emit: [declined] });
  }
  if (payment.hold) return renewalDeclined(payment, payment.hold, reason);
  return payment.closed === undefined ? captureFailed(payment, reason) : voided(payment);
}

/** The old hold lasts a while yet: the card is asked once more, and then the parcel is called off before it leaves unpaid. */
function renewalDeclined(payment: Payment, hold: Hold, reason: string): Decision {
  if (!isWaiting(payment)) return proceed(payment);
  if (!hold.renewalDeclined) {
    return proceed({ ...payment, hold: { ...hold, renewalDeclined: true } }, { renewLate: true });
  }
  const data = { ...idsOf(payment), reason, expiresAt: hold.expiresAt };
  return proceed(payment, { emit: [{ event: 'payment.renewaldeclined', data }] });
}

function voided(payment: Payment, entries: readonly Entry[] = []): Decision {
  const { closed: reason = 'voided' } = payment;
  return proceed(
    { ...payment, outcome: 'voided', reason },
    { entries, emit: [toldWhy(payment, 'payment.voided', reason)] },
  );
}

function captureFailed(payment: Payment, reason: string, entries: readonly Entry[] = []): Decision {
  return proceed(
    { ...payment, outcome: 'capture_failed', reason },
    { entries, emit: [toldWhy(payment, 'payment.capturefailed', reason)] },
  );
}

/** Takes the next step, if there is one to take and none is under way. */
function proceed(payment: Payment, done: Omit<Decision, 'payment'> = {}): Decision {
  const kind = nextStep(payment);
  return kind ? { ...done, ...begin(payment, kind) } : { ...done, payment: forgetToken(payment) };
}

function nextStep(payment: Payment): Step['kind'] | undefined {
  const { step, order, hold, superseded, outcome, dispatched } = payment;
  const over = payment.closed !== undefined;
  if (step || !order) return undefined;
  if (superseded) return 'void';
  if (outcome !== undefined) return outcome === 'captured' && over ? 'refund' : undefined;
  if (hold && over) return 'void';
  if (hold) return dispatched ? 'capture' : undefined;
  return over ? undefined : 'authorize';
}

function begin(payment: Payment, kind: Step['kind']): Decision {
  const rounds = kind === 'authorize' ? payment.rounds + 1 : payment.rounds;
  const round = kind === 'authorize' ? rounds : (payment.superseded ?? payment.hold)?.round;
  const step = { kind, key: `${paymentIdOf(payment.orderId)}:${kind}:${round}` };
  return { payment: { ...payment, rounds, step }, begun: step };
}

/** The payment without the step that was answered; nothing when the answer belongs to no step under way. */
function endStep(payment: Payment, key: string): Omit<Payment, 'step'> | undefined {
  const { step, ...rest } = payment;
  return step?.key === key ? rest : undefined;
}

function unasked(payment: Payment): Decision {
  return { payment, ignored: 'this answer was not waited for' };
}

function forgetToken(payment: Payment): Payment {
  const { order, step, outcome, closed } = payment;
  if (!order || step || (outcome === undefined && closed === undefined)) return payment;
  return { ...payment, order: { amount: order.amount, currency: order.currency } };
}

function entryOf(payment: Payment, kind: Entry['kind'], hold: Hold, key: string): Entry {
  return { kind, round: hold.round, ...moneyOf(payment), reference: hold.reference, key };
}

function toldWhy(
  payment: Payment,
  event: 'payment.voided' | 'payment.refunded' | 'payment.capturefailed',
  reason: string,
): Fact<Emits> {
  return { event, data: { ...idsOf(payment), amount: moneyOf(payment), reason } };
}

function idsOf({ orderId, customerId }: Payment): { orderId: string; customerId: string; paymentId: string } {
  return { orderId, customerId, paymentId: paymentIdOf(orderId) };
}

function moneyOf({ order }: Payment): { amount: number; currency: string } {
  if (!order) throw new Error('there is no amount before the order was placed');
  return { amount: order.amount, currency: order.currency };
}
