import { describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../../events/order.ts';
import {
  close,
  confirm,
  dispatched,
  mayReserve,
  newReservation,
  orderExpired,
  rejected,
  reservationExpired,
  reserved,
  wantedOf,
  type Decision,
  type Reservation,
} from '../../../services/inventory/decide.ts';

const ids = { orderId: 'TW-1', customerId: 'cus-1' };
const lines = [{ sku: 'rope', quantity: 2 }];
const expiresAt = '2026-11-24T10:30:00.000Z';
const fresh = newReservation(ids.orderId, ids.customerId);
const held: Reservation = { ...fresh, hold: 'held', lines, expiresAt };
const paid: Reservation = { ...held, confirmed: true };
const tombstone: Reservation = { ...fresh, closed: 'payment_declined' };
const gone: Reservation = { ...held, hold: 'committed', dispatched: true };

const reservedFact = { event: 'stock.reserved', data: { ...ids, lines, expiresAt } };
const releasedFact = (reason: string) => ({ event: 'stock.released', data: { ...ids, lines, reason } });

/** What a decision did: the new hold, what moves, and the names and data of what is told. */
const outcome = ({ reservation, movement, emit = [] }: Decision) => ({
  hold: reservation.hold,
  movement,
  emit,
});

describe('an order that was placed', () => {
  it('wants one quantity per article, in a fixed order, whatever its lines are', () => {
    const line = { name: 'Rope', unitPrice: 100 };
    const order = {
      ...orderPlaced.example,
      lines: [
        { ...line, sku: 'b', quantity: 1 },
        { ...line, sku: 'a', quantity: 2 },
        { ...line, sku: 'b', quantity: 3 },
      ],
    };
    expect(wantedOf(order)).toEqual([
      { sku: 'a', quantity: 2 },
      { sku: 'b', quantity: 4 },
    ]);
  });

  it.each<[string, Reservation]>([
    ['nothing', fresh],
    ['only its payment', { ...fresh, confirmed: true }],
    ['only its dispatch', { ...fresh, dispatched: true }],
  ])('is served when %s was heard before', (_what, reservation) => {
    expect(mayReserve(reservation)).toBe(true);
  });

  it.each<[string, Reservation]>([
    ['is over already', tombstone],
    ['is served already', held],
    ['has left already', gone],
    ['was rejected', { ...fresh, hold: 'rejected', closed: 'out_of_stock' }],
  ])('is not served when it %s', (_what, reservation) => {
    expect(mayReserve(reservation)).toBe(false);
  });

  it('is told reserved, with the end of its reservation', () => {
    expect(outcome(reserved(fresh, lines, expiresAt))).toEqual({
      hold: 'held',
      movement: undefined,
      emit: [reservedFact],
    });
  });

  it('is told rejected, with what is short, and is over', () => {
    const shortages = [{ sku: 'rope', wanted: 2, available: 1 }];
    const decision = rejected(fresh, lines, shortages);
    expect(outcome(decision)).toEqual({
      hold: 'rejected',
      movement: undefined,
      emit: [{ event: 'stock.rejected', data: { ...ids, shortages } }],
    });
    expect(decision.reservation.closed).toBe('out_of_stock');
  });

  it('whose parcel was heard of before leaves the shelf at once', () => {
    expect(outcome(reserved({ ...fresh, dispatched: true }, lines, expiresAt))).toEqual({
      hold: 'committed',
      movement: 'commit',
      emit: [reservedFact],
    });
  });
});

describe('the end of an order', () => {
  it('lets go what is held, and says why', () => {
    expect(outcome(close(held, 'payment_declined'))).toEqual({
      hold: 'released',
      movement: 'release',
      emit: [releasedFact('payment_declined')],
    });
  });

  it('lets go also what was paid for, when shipping has cancelled', () => {
    expect(outcome(close(paid, 'shipment_cancelled'))).toMatchObject({
      hold: 'released',
      movement: 'release',
    });
  });

  it('before its beginning leaves a mark, so that it never begins', () => {
    const { reservation, ...rest } = close(fresh, 'payment_declined');
    expect(rest).toEqual({});
    expect(mayReserve(reservation)).toBe(false);
  });

  it('comes once: a second end changes nothing', () => {
    const ended = close(held, 'payment_declined').reservation;
    expect(close(ended, 'shipment_cancelled')).toEqual({
      reservation: ended,
      ignored: 'closed already: payment_declined',
    });
  });

  it('is refused when the goods have left', () => {
    expect(close(gone, 'shipment_cancelled')).toEqual({
      reservation: gone,
      ignored: 'the goods have left already',
    });
  });

  it('of a rejected order releases nothing', () => {
    const { reservation } = rejected(fresh, lines, [{ sku: 'rope', wanted: 2, available: 1 }]);
    expect(close(reservation, 'order_expired').movement).toBeUndefined();
  });
});

describe('the deadline of an order', () => {
  it('ends what was never tried', () => {
    expect(mayReserve(orderExpired(fresh).reservation)).toBe(false);
  });

  it.each([
    ['held', held],
    ['paid for', paid],
    ['gone', gone],
  ])('leaves what is %s to shipping', (_what, reservation) => {
    expect(orderExpired(reservation)).toEqual({ reservation, ignored: 'shipping decides' });
  });
});

describe('a parcel that leaves', () => {
  it('takes what is held off the shelf, and tells nobody: shipping has', () => {
    expect(outcome(dispatched(paid))).toEqual({ hold: 'committed', movement: 'commit', emit: [] });
  });

  it('leaves once', () => {
    expect(dispatched(gone)).toEqual({ reservation: gone, ignored: 'dispatched already' });
  });

  it('before its order was heard of is kept in mind', () => {
    expect(dispatched(fresh)).toEqual({ reservation: { ...fresh, dispatched: true } });
  });

  it('does not bring back what was released', () => {
    const released = close(held, 'shipment_cancelled').reservation;
    expect(dispatched(released).movement).toBeUndefined();
  });
});

describe('the expiry of a reservation', () => {
  it('asks whether the order still lives, and holds on until the answer', () => {
    expect(outcome(reservationExpired(held))).toEqual({
      hold: 'held',
      movement: undefined,
      emit: [{ event: 'stock.expired', data: { ...ids, expiresAt } }],
    });
  });

  it.each([
    ['paid for', confirm(held).reservation],
    ['released', close(held, 'payment_declined').reservation],
    ['gone', gone],
    ['never made', fresh],
  ])('means nothing when it is %s', (_what, reservation) => {
    expect(reservationExpired(reservation)).toEqual({ reservation, ignored: 'no longer open' });
  });
});
