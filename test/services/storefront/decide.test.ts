import { describe, expect, it } from '@jest/globals';
import * as payment from '../../../events/payment.ts';
import * as shipment from '../../../events/shipment.ts';
import * as stock from '../../../events/stock.ts';
import * as decide from '../../../services/storefront/decide.ts';
import { isFinished } from '../../../services/storefront/finished.ts';
import * as requests from '../../../services/storefront/requests.ts';
import type { Decision, Order } from '../../../services/storefront/order.ts';
import { addressRevisionOf, viewOf } from '../../../services/storefront/view.ts';

type Step = (order: Order) => Decision;

const at = '2026-11-24T09:30:00.000Z';
const order = decide.placed({
  orderId: 'TW-4Q7K2M9XJ3PA',
  customerId: 'cus-1',
  placedAt: at,
  confirmBy: '2026-11-24T09:45:00.000Z',
  lines: [{ sku: 'TW-ROPE-10', name: 'Rope', quantity: 2, unitPrice: 2490 }],
  currency: 'EUR',
  shippingFee: 490,
  total: 5470,
  addressRevision: 1,
});

const authorized: Step = (o) => decide.authorized(o, payment.paymentAuthorized.example);
const declined: Step = (o) => decide.declined(o, payment.paymentDeclined.example);
const voided: Step = (o) => decide.voided(o, payment.paymentVoided.example);
const refunded: Step = (o) => decide.refunded(o, payment.paymentRefunded.example);
const rejected: Step = (o) => decide.stockRejected(o, stock.stockRejected.example);
const prepared: Step = (o) => decide.prepared(o, shipment.shipmentPrepared.example);
const dispatched: Step = (o) => decide.dispatched(o, shipment.shipmentDispatched.example);
const delivered: Step = (o) => decide.delivered(o, shipment.shipmentDelivered.example);
const cancelled =
  (reason: NonNullable<Order['shipment']['cancelled']>['reason']): Step =>
  (o) =>
    decide.cancelled(o, { ...shipment.shipmentCancelled.example, reason });
const readdressed =
  (revision: number): Step =>
  (o) =>
    requests.readdressed(o, { ...shipment.shipmentReaddressed.example, revision });
const addressRefused =
  (revision: number): Step =>
  (o) =>
    requests.addressRefused(o, { ...shipment.shipmentAddressRefused.example, revision });
const askCancel: Step = (o) => requests.requestCancellation(o, at);
const askAddress =
  (revision: number): Step =>
  (o) =>
    requests.requestAddress(o, revision, at);

function given(...steps: Step[]): Order {
  return steps.reduce((before, step) => {
    const decision = step(before);
    return decision.ignored === undefined ? decision.order : before;
  }, order);
}

describe('the status of an order', () => {
  it.each([
    ['placed', undefined, []],
    ['placed', undefined, [authorized]],
    ['placed', undefined, [decide.stockReserved]],
    ['confirmed', undefined, [authorized, decide.stockReserved]],
    ['confirmed', undefined, [decide.stockReserved, authorized, prepared]],
    ['placed', undefined, [decide.expire, authorized, decide.stockReserved]],
    ['confirmed', undefined, [decide.expire, prepared]],
    ['confirmed', undefined, [decide.expire, authorized, prepared, decide.stockReserved]],
    ['cancelled', 'requested', [decide.expire, prepared, cancelled('requested')]],
    ['rejected', 'payment_declined', [declined]],
    ['rejected', 'out_of_stock', [authorized, rejected]],
    ['rejected', 'payment_declined', [rejected, declined]],
    ['cancelled', 'requested', [authorized, decide.stockReserved, cancelled('requested')]],
    ['cancelled', 'requested', [cancelled('requested'), declined]],
    ['cancelled', 'payment_lapsed', [authorized, prepared, cancelled('payment_lapsed')]],
    ['expired', 'order_expired', [decide.expire, cancelled('order_expired')]],
    ['expired', 'reservation_expired', [decide.stockReserved, cancelled('reservation_expired')]],
    ['shipped', undefined, [dispatched]],
    ['shipped', undefined, [decide.expire, dispatched]],
    ['delivered', undefined, [delivered, dispatched]],
  ] as const)('is %s (%s) after %#', (status, reason, steps) => {
    const after = given(...steps);
    expect(decide.statusOf(after)).toBe(status);
    expect(decide.reasonOf(after)).toBe(reason);
  });
});

describe('the deadline', () => {
  it('asks shipping whether an unconfirmed order still lives, once', () => {
    const decision = decide.expire(given(authorized));
    expect(decision).toMatchObject({
      emit: [{ event: 'order.expired', data: { orderId: order.orderId, deadline: order.confirmBy } }],
    });
    expect(decide.expire(given(authorized, decide.expire))).toHaveProperty('ignored');
  });

  it.each([
    ['confirmed', [authorized, decide.stockReserved]],
    ['confirmed', [prepared]],
    ['rejected', [declined]],
    ['cancelled', [cancelled('requested')]],
    ['shipped', [dispatched]],
  ] as const)('means nothing to an order that is %s', (_status, steps) => {
    expect(decide.expire(given(...steps))).toHaveProperty('ignored');
  });
});

describe('the payment as the customer sees it', () => {
  it.each([
    ['pending', []],
    ['not_charged', [cancelled('requested')]],
    ['not_charged', [decide.expire, cancelled('order_expired')]],
    ['not_charged', [rejected]],
    ['authorized', [authorized]],
    ['declined', [declined]],
    ['void_pending', [authorized, cancelled('requested')]],
    ['void_pending', [authorized, rejected]],
    ['voided', [authorized, cancelled('requested'), voided]],
    ['captured', [authorized, dispatched, decide.captured, delivered]],
    ['refund_pending', [authorized, decide.captured, cancelled('requested')]],
    ['refunded', [authorized, refunded, decide.captured, cancelled('requested')]],
  ] as const)('is %s after %#', (status, steps) => {
    expect(viewOf(given(...steps), undefined).payment.status).toBe(status);
  });
});

describe('a cancellation', () => {
  it('is asked for once', () => {
    expect(requests.requestCancellation(order, at)).toMatchObject({
      emit: [{ event: 'order.cancellationrequested', data: { orderId: order.orderId, requestedAt: at } }],
    });
    expect(requests.requestCancellation(given(askCancel), at)).toHaveProperty('ignored');
  });

  it.each([
    ['left already', [dispatched]],
    [
      'left already',
      [(o: Order) => decide.cancellationRefused(o, shipment.shipmentCancellationRefused.example)],
    ],
    ['delivered', [delivered]],
    ['rejected', [declined]],
    ['cancelled', [cancelled('requested')]],
    ['expired', [cancelled('order_expired')]],
  ] as const)('comes too late: %s (%#)', (why, steps) => {
    expect(requests.whyNotCancel(given(...steps))).toContain(why);
  });

  it.each([
    ['pending', []],
    ['accepted', [cancelled('requested')]],
    ['refused', [(o: Order) => decide.cancellationRefused(o, shipment.shipmentCancellationRefused.example)]],
    ['moot', [declined]],
    ['moot', [cancelled('order_expired')]],
    ['moot', [cancelled('payment_lapsed')]],
  ] as const)('is %s after %#', (outcome, steps) => {
    expect(viewOf(given(askCancel, ...steps), undefined).requests).toMatchObject([{ outcome }]);
  });
});

describe('an address change', () => {
  it('is accepted, refused, or superseded by a later one, as shipping answers', () => {
    const asked = [askAddress(2), askAddress(3), askAddress(4)];
    const outcomes = (...steps: Step[]): string[] =>
      viewOf(given(...asked, ...steps), undefined).requests.map(({ outcome }) => outcome);
    expect(outcomes()).toEqual(['pending', 'pending', 'pending']);
    expect(outcomes(readdressed(3))).toEqual(['superseded', 'accepted', 'pending']);
    expect(outcomes(readdressed(2), readdressed(3))).toEqual(['accepted', 'accepted', 'pending']);
    expect(outcomes(readdressed(2), addressRefused(3))).toEqual(['accepted', 'refused', 'pending']);
    expect(outcomes(cancelled('requested'))).toEqual(['moot', 'moot', 'moot']);
  });

  it('moves the parcel’s address only upwards', () => {
    expect(addressRevisionOf(order)).toBe(1);
    expect(addressRevisionOf(given(readdressed(3), readdressed(2)))).toBe(3);
    expect(addressRevisionOf(given(addressRefused(4), prepared))).toBe(1);
    expect(addressRevisionOf(given(dispatched, prepared))).toBe(2);
  });

  it('keeps the latest fifty requests, and the cancellation', () => {
    const many = Array.from({ length: 80 }, (_, index) => askAddress(index + 2));
    const { requests: kept } = given(askCancel, ...many);
    expect(kept).toHaveLength(50);
    expect(kept[0]).toMatchObject({ kind: 'cancellation' });
    expect(kept.at(-1)).toMatchObject({ revision: 81 });
  });

  it('keeps answers to requests that it keeps, and where the parcel goes', () => {
    const many = Array.from({ length: 200 }, (_, index) => index + 2).flatMap((revision) => [
      askAddress(revision),
      revision % 2 ? readdressed(revision) : addressRefused(revision),
    ]);
    const { shipment: parcel } = given(readdressed(301), addressRefused(300), ...many, readdressed(300));
    expect(parcel.readdressed).toHaveLength(26);
    expect(parcel.readdressed).toContain(301);
    expect(parcel.addressRefused).toHaveLength(25);
  });

  it('waits for no answer once the parcel has left, nor once the order is over', () => {
    const asked = given(askAddress(2), askAddress(3));
    const after = (step: Step) => {
      const decision = step(asked);
      return decision.ignored === undefined ? viewOf(decision.order, undefined).requests : [];
    };
    const refused = { outcome: 'refused', reason: 'already_dispatched' };
    expect(after(dispatched)).toMatchObject([{ outcome: 'accepted' }, refused]);
    // Which address it left for is still to be heard.
    expect(after(delivered)).toMatchObject([{ outcome: 'pending' }, { outcome: 'pending' }]);
    expect(after(declined)).toMatchObject([{ outcome: 'moot' }, { outcome: 'moot' }]);
  });
});

describe('an order that is over', () => {
  it.each([
    ['declined', [declined], rejected],
    ['out of stock', [rejected], declined],
    ['declined', [declined], cancelled('requested')],
    ['expired', [cancelled('order_expired')], declined],
  ] as const)('(%s) ends with one line in its timeline (%#)', (_end, steps, later) => {
    const before = given(...steps);
    const decision = later(before);
    expect(decision.ignored).toBeUndefined();
    expect(decision).not.toHaveProperty('text');
    expect(later(given())).toHaveProperty('text');
  });

  it('is still told what becomes of the money', () => {
    expect(voided(given(authorized, cancelled('requested')))).toHaveProperty('text');
  });
});

describe('an order', () => {
  const paid = [authorized, decide.captured];
  const undone = [authorized, decide.stockReserved, cancelled('requested'), voided];

  it.each([
    [false, []],
    [false, [authorized, decide.stockReserved, prepared]],
    [false, [...paid, dispatched]],
    [false, [delivered]],
    [false, [authorized, dispatched, delivered]],
    [true, [...paid, dispatched, delivered]],
    [true, [declined]],
    [true, [cancelled('order_expired')]],
    [false, [authorized, cancelled('requested')]],
    [false, undone],
    [true, [...undone, (o: Order) => decide.stockReleased(o, stock.stockReleased.example)]],
    [false, [askAddress(3), ...paid, delivered]],
    [true, [askAddress(3), ...paid, delivered, dispatched]],
  ] as const)('is finished: %s, after %#', (finished, steps) => {
    expect(isFinished(given(...steps))).toBe(finished);
  });
});

describe('a fact heard again', () => {
  it.each([authorized, declined, voided, refunded, rejected, prepared, dispatched, delivered])(
    'changes nothing (%#)',
    (step) => {
      expect(step(given(step))).toEqual({ ignored: 'heard before' });
    },
  );
});
