import type { DataOf, Fact } from '../../platform/contract.ts';
import type { stockExpired, stockRejected, stockReleased, stockReserved } from '../../events/stock.ts';
import type { orderPlaced } from '../../events/order.ts';

/** What is set aside for one order, and everything heard about that order. */
export interface Reservation {
  readonly orderId: string;
  readonly customerId: string;
  readonly version: number;
  /** `none` before it was tried; a reservation that is closed while `none` is a tombstone: it is never made. */
  readonly hold: 'none' | 'held' | 'rejected' | 'released' | 'committed';
  readonly lines: readonly Line[];
  readonly expiresAt?: string;
  /** Paid for: it does not expire any more. */
  readonly confirmed: boolean;
  /** Why it is over, or must never begin. */
  readonly closed?: string;
  /** The parcel has left. */
  readonly dispatched: boolean;
}

export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

export interface Shortage {
  readonly sku: string;
  readonly wanted: number;
  readonly available: number;
}

/** What must happen to the stock; carried out in the same transaction. */
export type Movement = 'release' | 'commit';

export interface Decision {
  readonly reservation: Reservation;
  readonly movement?: Movement;
  readonly emit?: readonly Fact<
    typeof stockReserved | typeof stockRejected | typeof stockReleased | typeof stockExpired
  >[];
  readonly ignored?: string;
}

export function newReservation(orderId: string, customerId: string): Reservation {
  return { orderId, customerId, version: 0, hold: 'none', lines: [], confirmed: false, dispatched: false };
}

/** One quantity per article, in a fixed order: two lines of the same article count together. */
export function wantedOf(order: DataOf<typeof orderPlaced>): Line[] {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of order.lines) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return [...sums].map(([sku, quantity]) => ({ sku, quantity })).toSorted((a, b) => (a.sku < b.sku ? -1 : 1));
}

/** Whether an order that was just placed is still to be served. */
export function mayReserve(reservation: Reservation): boolean {
  return reservation.hold === 'none' && reservation.closed === undefined;
}

/** Every line was set aside. */
export function reserved(reservation: Reservation, lines: readonly Line[], expiresAt: string): Decision {
  const { orderId, customerId } = reservation;
  const held: Reservation = { ...reservation, hold: 'held', lines, expiresAt };
  const fact = {
    event: 'stock.reserved',
    data: { orderId, customerId, lines: [...lines], expiresAt },
  } as const;
  const next = settle(held);
  return { ...next, emit: [fact, ...(next.emit ?? [])] };
}

/** At least one line was short, so none was set aside. */
export function rejected(
  reservation: Reservation,
  lines: readonly Line[],
  shortages: readonly Shortage[],
): Decision {
  const { orderId, customerId } = reservation;
  return {
    reservation: { ...reservation, hold: 'rejected', lines, closed: 'out_of_stock' },
    emit: [{ event: 'stock.rejected', data: { orderId, customerId, shortages: [...shortages] } }],
  };
}

/** The payment is there: the reservation stays until shipping has decided. */
export function confirm(reservation: Reservation): Decision {
  return { reservation: { ...reservation, confirmed: true } };
}

/** The order is over for good. Whatever is held goes back; what was not tried is never tried. */
export function close(reservation: Reservation, reason: string): Decision {
  if (reservation.hold === 'committed') return { reservation, ignored: 'the goods have left already' };
  if (reservation.closed !== undefined)
    return { reservation, ignored: `closed already: ${reservation.closed}` };
  return settle({ ...reservation, closed: reason });
}

/**
 * The order's deadline passed. What is held may be on its way to a parcel, so shipping decides and its answer
 * releases; what was never tried is not tried any more.
 */
export function orderExpired(reservation: Reservation): Decision {
  if (reservation.hold !== 'none') return { reservation, ignored: 'shipping decides' };
  return close(reservation, 'order_expired');
}

/** The parcel left: what was held is gone from the shelf. */
export function dispatched(reservation: Reservation): Decision {
  if (reservation.dispatched) return { reservation, ignored: 'dispatched already' };
  return settle({ ...reservation, dispatched: true });
}

/** The reservation's own expiry passed. Unpaid, it asks shipping whether the order still lives. */
export function reservationExpired(reservation: Reservation): Decision {
  const { orderId, customerId, hold, confirmed, closed, expiresAt } = reservation;
  if (hold !== 'held' || confirmed || closed !== undefined || expiresAt === undefined) {
    return { reservation, ignored: 'no longer open' };
  }
  return { reservation, emit: [{ event: 'stock.expired', data: { orderId, customerId, expiresAt } }] };
}

/** What is held is committed when the parcel has left, and else released when the order is over. */
function settle(reservation: Reservation): Decision {
  const { orderId, customerId, lines, hold, closed } = reservation;
  if (hold !== 'held') return { reservation };
  if (reservation.dispatched)
    return { reservation: { ...reservation, hold: 'committed' }, movement: 'commit' };
  if (closed === undefined) return { reservation };
  return {
    reservation: { ...reservation, hold: 'released' },
    movement: 'release',
    emit: [{ event: 'stock.released', data: { orderId, customerId, lines: [...lines], reason: closed } }],
  };
}
