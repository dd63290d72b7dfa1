import { describe, expect, it } from '@jest/globals';
import * as decide from '../../../services/payment/decide.ts';
import { checkTotals } from '../../../services/payment/ledger.ts';
import type { Decision, Payment } from '../../../services/payment/payment.ts';
import { stepTask } from '../../../services/payment/steps.ts';
import { statusOf } from '../../../services/payment/status.ts';

const ORDER = { amount: 5470, currency: 'EUR', token: 'tok_visa' };
const APPROVED = {
  outcome: 'approved',
  reference: 'ch_1',
  last4: '4242',
  expiresAt: '2026-12-01T00:00:00.000Z',
} as const;
const DECLINED = { outcome: 'declined', reason: 'card_declined' } as const;
const CAPTURED = { outcome: 'captured' } as const;
const LAPSED = { outcome: 'lapsed' } as const;
const VOIDED = { outcome: 'voided' } as const;

type Rule = (payment: Payment) => Decision;

const placed: Rule = (payment) => decide.placed(payment, ORDER);
const dispatched: Rule = (payment) => decide.dispatched(payment);
const cancelled: Rule = (payment) => decide.close(payment, 'shipment_cancelled');
const expired: Rule = (payment) => decide.orderExpired(payment);
const renewed: Rule = (payment) => decide.renew(payment);
const approvedAs =
  (reference: string): Rule =>
  (payment) =>
    decide.authorizeAnswered(payment, keyOf(payment), { ...APPROVED, reference });
const approved = approvedAs('ch_1');
const declined: Rule = (payment) => decide.authorizeAnswered(payment, keyOf(payment), DECLINED);
const captured: Rule = (payment) => decide.captureAnswered(payment, keyOf(payment), CAPTURED);
const lapsedAtCapture: Rule = (payment) => decide.captureAnswered(payment, keyOf(payment), LAPSED);
const voided: Rule = (payment) => decide.voidAnswered(payment, keyOf(payment), VOIDED);
const lapsedAtVoid: Rule = (payment) => decide.voidAnswered(payment, keyOf(payment), LAPSED);
const refunded: Rule = (payment) =>
  decide.refundAnswered(payment, keyOf(payment), { outcome: 'refunded', reference: 're_1' });

function keyOf({ step }: Payment): string {
  return step?.key ?? 'no step under way';
}

/** What has happened so far, oldest first. */
function given(...rules: Rule[]): Payment {
  const before = decide.newPayment('TW-4Q7K2M9XJ3PA', 'cus-1');
  return rules.reduce((payment, rule) => rule(payment).payment, before);
}

const eventsOf = ({ emit = [] }: Decision): string[] => emit.map((fact) => fact.event);
const entriesOf = ({ entries = [] }: Decision): string[] =>
  entries.map((entry) => `${entry.kind} ${entry.reference}`);

describe('an order that goes well', () => {
  it('is authorized under a key that follows from its id', () => {
    expect(placed(given()).begun).toEqual({ kind: 'authorize', key: 'PAY-4Q7K2M9XJ3PA:authorize:1' });
  });

  it('tells of the hold and then waits for shipping', () => {
    const decision = approved(given(placed));
    expect(decision.emit).toEqual([
      {
        event: 'payment.authorized',
        data: {
          orderId: 'TW-4Q7K2M9XJ3PA',
          customerId: 'cus-1',
          paymentId: 'PAY-4Q7K2M9XJ3PA',
          amount: { amount: 5470, currency: 'EUR' },
          last4: '4242',
          expiresAt: APPROVED.expiresAt,
        },
      },
    ]);
    expect(entriesOf(decision)).toEqual(['authorized ch_1']);
    expect(decision.begun).toBeUndefined();
    expect(statusOf(decision.payment)).toBe('authorized');
  });

  it('is captured when the parcel leaves, once', () => {
    const leaving = dispatched(given(placed, approved));
    expect(leaving.begun).toEqual({ kind: 'capture', key: 'PAY-4Q7K2M9XJ3PA:capture:1' });
    const decision = captured(leaving.payment);
    expect(eventsOf(decision)).toEqual(['payment.captured']);
    expect(entriesOf(decision)).toEqual(['captured ch_1']);
    expect(dispatched(decision.payment).ignored).toBe('dispatched already');
  });

  it('keeps the token while it may be needed and no longer', () => {
    expect(given(placed, approved).order).toHaveProperty('token');
    expect(given(placed, approved, dispatched, captured).order).not.toHaveProperty('token');
    expect(given(placed, declined).order).not.toHaveProperty('token');
    expect(given(cancelled, placed).order).not.toHaveProperty('token');
  });
});

describe('facts that come in another order', () => {
  it('remembers a dispatch that comes before the order', () => {
    const decision = approved(given(dispatched, placed));
    expect(decision.begun?.kind).toBe('capture');
  });

  it('never tries a payment that was closed before', () => {
    const decision = placed(given(cancelled));
    expect(decision.begun).toBeUndefined();
    expect(decision.emit ?? []).toEqual([]);
    expect(statusOf(decision.payment)).toBe('closed');
  });

  it('lets a hold go whose answer came after the cancellation', () => {
    const late = approved(given(placed, cancelled));
    expect(eventsOf(late)).toEqual(['payment.authorized']);
    expect(late.begun?.kind).toBe('void');
    expect(eventsOf(voided(late.payment))).toEqual(['payment.voided']);
  });

  it('leaves an expired order to shipping once the gateway was asked', () => {
    expect(expired(given(placed)).ignored).toBe('shipping decides');
    expect(expired(given(placed, approved)).ignored).toBe('shipping decides');
    expect(statusOf(given(expired, placed))).toBe('closed');
  });

  it('ignores an answer that belongs to no step under way', () => {
    const payment = given(placed, approved);
    expect(decide.authorizeAnswered(payment, 'PAY-4Q7K2M9XJ3PA:authorize:1', APPROVED).ignored).toBeDefined();
    expect(captured(payment).ignored).toBeDefined();
    expect(voided(payment).ignored).toBeDefined();
    expect(refunded(payment).ignored).toBeDefined();
  });
});

describe('an order that ends early', () => {
  it('is declined with the reason', () => {
    const decision = declined(given(placed));
    expect(decision.emit).toMatchObject([{ event: 'payment.declined', data: { reason: 'card_declined' } }]);
    expect(entriesOf(decision)).toEqual([]);
    expect(cancelled(decision.payment).begun).toBeUndefined();
  });

  it('lets the hold go', () => {
    const decision = voided(given(placed, approved, cancelled));
    expect(decision.emit).toMatchObject([
      { event: 'payment.voided', data: { reason: 'shipment_cancelled', amount: { amount: 5470 } } },
    ]);
    expect(entriesOf(decision)).toEqual(['voided ch_1']);
  });

  it('counts a hold that had lapsed as let go', () => {
    const decision = lapsedAtVoid(given(placed, approved, cancelled));
    expect(eventsOf(decision)).toEqual(['payment.voided']);
    expect(entriesOf(decision)).toEqual(['lapsed ch_1']);
  });

  it('gives back what was taken, also when the capture was under way', () => {
    for (const payment of [
      given(placed, approved, dispatched, captured, cancelled),
      given(placed, approved, dispatched, cancelled, captured),
    ]) {
      expect(payment.step?.kind).toBe('refund');
      const decision = refunded(payment);
      expect(eventsOf(decision)).toEqual(['payment.refunded']);
      expect(entriesOf(decision)).toEqual(['refunded re_1']);
      expect(statusOf(decision.payment)).toBe('refunded');
    }
  });
});

describe('an authorization that ends by itself', () => {
  it('is asked for again under a further key and then captured', () => {
    const again = lapsedAtCapture(given(placed, approved, dispatched));
    expect(entriesOf(again)).toEqual(['lapsed ch_1']);
    expect(again.begun?.key).toBe('PAY-4Q7K2M9XJ3PA:authorize:2');
    expect(statusOf(again.payment)).toBe('capturing');
    const held = approvedAs('ch_2')(again.payment);
    expect(eventsOf(held)).toEqual([]);
    expect(held.begun?.key).toBe('PAY-4Q7K2M9XJ3PA:capture:2');
    expect(entriesOf(captured(held.payment))).toEqual(['captured ch_2']);
  });

  it('is told as a failed capture when the new one is declined', () => {
    const decision = declined(given(placed, approved, dispatched, lapsedAtCapture));
    expect(decision.emit).toMatchObject([
      { event: 'payment.capturefailed', data: { reason: 'card_declined', amount: { amount: 5470 } } },
    ]);
    expect(statusOf(decision.payment)).toBe('capture_failed');
  });

  it('is not asked for for ever', () => {
    const decision = lapsedAtCapture(
      given(placed, approved, dispatched, lapsedAtCapture, approved, lapsedAtCapture, approved),
    );
    expect(decision.begun).toBeUndefined();
    expect(eventsOf(decision)).toEqual(['payment.capturefailed']);
  });

  it('is not asked for when the order was cancelled meanwhile', () => {
    const decision = lapsedAtCapture(given(placed, approved, dispatched, cancelled));
    expect(decision.begun).toBeUndefined();
    expect(eventsOf(decision)).toEqual(['payment.voided']);
    const refusedLate = declined(given(placed, approved, dispatched, lapsedAtCapture, cancelled));
    expect(eventsOf(refusedLate)).toEqual(['payment.voided']);
  });
});

describe('a renewal', () => {
  it('asks for a new authorization before it lets the old one go', () => {
    const asked = renewed(given(placed, approved));
    expect(asked.begun?.key).toBe('PAY-4Q7K2M9XJ3PA:authorize:2');
    const held = approvedAs('ch_2')(asked.payment);
    expect(eventsOf(held)).toEqual([]);
    expect(held.begun?.key).toBe('PAY-4Q7K2M9XJ3PA:void:1');
    const done = voided(held.payment);
    expect(entriesOf(done)).toEqual(['voided ch_1']);
    expect(eventsOf(done)).toEqual([]);
    expect(statusOf(done.payment)).toBe('authorized');
    expect(dispatched(done.payment).begun?.key).toBe('PAY-4Q7K2M9XJ3PA:capture:2');
  });

  it('that is declined leaves the old authorization, and is tried once more', () => {
    const decision = declined(given(placed, approved, renewed));
    expect([eventsOf(decision), decision.renewLate]).toEqual([[], true]);
    expect(dispatched(decision.payment).begun?.key).toBe('PAY-4Q7K2M9XJ3PA:capture:1');
  });

  it('that is declined twice is told, with the end of the old authorization', () => {
    const decision = declined(given(placed, approved, renewed, declined, renewed));
    expect(decision.emit).toMatchObject([
      {
        event: 'payment.renewaldeclined',
        data: { reason: 'card_declined', expiresAt: APPROVED.expiresAt, paymentId: 'PAY-4Q7K2M9XJ3PA' },
      },
    ]);
    expect(decision.renewLate).toBeUndefined();
    expect(statusOf(decision.payment)).toBe('authorized');
    expect(eventsOf(voided(cancelled(decision.payment).payment))).toEqual(['payment.voided']);
    expect(dispatched(decision.payment).begun?.key).toBe('PAY-4Q7K2M9XJ3PA:capture:1');
  });

  it('that is declined is forgotten when the next one is granted', () => {
    const payment = given(placed, approved, renewed, declined, renewed, approvedAs('ch_2'), voided, renewed);
    expect(declined(payment)).toMatchObject({ renewLate: true });
  });

  it.each([
    ['the parcel has left', dispatched, 'capture'],
    ['the order is over', cancelled, 'void'],
  ])('that is declined when %s meanwhile is no news', (_when, meanwhile, next) => {
    const decision = declined(given(placed, approved, renewed, declined, renewed, meanwhile));
    expect([eventsOf(decision), decision.begun?.kind]).toEqual([[], next]);
  });

  it('asks with what the provider keeps, where the token works once', () => {
    const answer = { ...APPROVED, saved: 'cus_1:pm_1' };
    const kept = given(placed, (payment) => decide.authorizeAnswered(payment, keyOf(payment), answer));
    const step = renewed(kept).begun;
    expect(step && stepTask(kept, step).payload).toMatchObject({ token: 'tok_visa', saved: 'cus_1:pm_1' });
    expect(voided(cancelled(kept).payment).payment.order).not.toHaveProperty('saved');
  });

  it('lets both go when the order is cancelled meanwhile, and tells it once', () => {
    const payment = given(placed, approved, renewed, cancelled, approvedAs('ch_2'));
    const first = voided(payment);
    expect([entriesOf(first), eventsOf(first)]).toEqual([['voided ch_1'], []]);
    const second = voided(first.payment);
    expect([entriesOf(second), eventsOf(second)]).toEqual([['voided ch_2'], ['payment.voided']]);
  });

  it('is not begun once the parcel has left, the order is over, or a call is under way', () => {
    for (const payment of [
      given(),
      given(placed),
      given(placed, declined),
      given(placed, approved, dispatched),
      given(placed, approved, cancelled),
      given(placed, approved, renewed),
    ]) {
      expect(renewed(payment).ignored).toBe('nothing to renew');
    }
  });
});

describe('the ledger', () => {
  const none = { authorized: 0, captured: 0, voided: 0, lapsed: 0, refunded: 0 };

  it('takes sums that add up', () => {
    expect(() => checkTotals('TW-1', { ...none, authorized: 200, voided: 100, captured: 100 })).not.toThrow();
  });

  it.each([
    ['captures more than was authorized', { captured: 1 }],
    ['captures what was let go', { authorized: 100, voided: 100, captured: 100 }],
    ['lets go what had lapsed', { authorized: 100, lapsed: 100, voided: 1 }],
    ['refunds more than was captured', { authorized: 100, captured: 50, refunded: 51 }],
  ])('refuses one that %s', (_, sums) => {
    expect(() => checkTotals('TW-1', { ...none, ...sums })).toThrow(/the ledger of TW-1 would/);
  });
});
