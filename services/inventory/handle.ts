import type { DataOf } from '../../platform/contract.ts';
import type { orderPlaced } from '../../events/order.ts';
import type { stockLevelChanged } from '../../events/stock.ts';
import type { Effects, Received, Scope, TaskOrder } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import type { stockExpired, stockRejected, stockReleased, stockReserved } from '../../events/stock.ts';
import * as decide from './decide.ts';
import { findLevel, move, reservations, reserve } from './store.ts';

export type Emits =
  | typeof stockReserved
  | typeof stockRejected
  | typeof stockReleased
  | typeof stockExpired
  | typeof stockLevelChanged;

export interface Deps {
  /** Milliseconds before an unpaid reservation asks whether its order still lives. */
  readonly reservationTtl: number;
}

/** Levels are told at most this often per article: a burst of orders becomes one event. */
const ANNOUNCE_AFTER_MS = 100;

export async function placed(
  tx: Tx,
  { data }: Received<typeof orderPlaced>,
  { now, deps }: Scope<Deps>,
): Promise<Effects<Emits>> {
  const reservation = await load(tx, data);
  if (reservation.customerId !== data.customerId) return foreign;
  if (!decide.mayReserve(reservation))
    return { ignored: `not reserved: ${reservation.closed ?? reservation.hold}` };
  const lines = decide.wantedOf(data);
  const shortages = await reserve(tx, lines);
  if (shortages.length > 0) return store(tx, decide.rejected(reservation, lines, shortages), now);
  const expiresAt = new Date(now.getTime() + deps.reservationTtl);
  const effects = await store(tx, decide.reserved(reservation, lines, expiresAt.toISOString()), now);
  const expiry: TaskOrder = {
    kind: 'expire',
    key: data.orderId,
    payload: { orderId: data.orderId },
    dueAt: expiresAt,
  };
  return { ...effects, tasks: [...announce(lines, now), ...(effects.tasks ?? []), expiry] };
}

const foreign = { ignored: 'the order belongs to another customer' };

type Rule = (reservation: decide.Reservation) => decide.Decision;

/** A handler that applies one rule to the order's reservation. */
export function apply(rule: Rule) {
  return async (
    tx: Tx,
    { data }: { readonly data: { orderId: string; customerId: string } },
    { now }: Scope<Deps>,
  ): Promise<Effects<Emits>> => {
    const reservation = await load(tx, data);
    return reservation.customerId === data.customerId ? store(tx, rule(reservation), now) : foreign;
  };
}

export async function expire(
  tx: Tx,
  { orderId }: { orderId: string },
  { now }: Scope<Deps>,
): Promise<Effects<Emits>> {
  const reservation = await reservations.find(tx, orderId);
  if (!reservation) return { ignored: 'no such reservation' };
  return store(tx, decide.reservationExpired(reservation), now);
}

/** Tells an article's present level; several changes since the last time become one event. */
export async function tellLevel(tx: Tx, { sku }: { sku: string }): Promise<Effects<Emits>> {
  const level = await findLevel(tx, sku);
  return level
    ? { emit: [{ event: 'stock.levelchanged', data: level satisfies DataOf<typeof stockLevelChanged> }] }
    : {};
}

export function announce(lines: readonly { sku: string }[], now: Date): TaskOrder[] {
  const dueAt = new Date(now.getTime() + ANNOUNCE_AFTER_MS);
  return lines.map(({ sku }) => ({ kind: 'announce', key: sku, payload: { sku }, dueAt }));
}

async function load(
  tx: Tx,
  { orderId, customerId }: { orderId: string; customerId: string },
): Promise<decide.Reservation> {
  return (await reservations.find(tx, orderId)) ?? decide.newReservation(orderId, customerId);
}

async function store(tx: Tx, decision: decide.Decision, now: Date): Promise<Effects<Emits>> {
  const { reservation, movement, emit = [], ignored } = decision;
  if (ignored !== undefined) return { ignored };
  await reservations.save(tx, reservation);
  if (movement) await move(tx, reservation.lines, movement);
  const settled = reservation.confirmed || reservation.hold !== 'held';
  return {
    emit,
    tasks: movement ? announce(reservation.lines, now) : [],
    cancel: settled ? [{ kind: 'expire', key: reservation.orderId }] : [],
  };
}
