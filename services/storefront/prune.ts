import type { Effects, Scope, TaskOrder } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import type { Deps } from './handle.ts';
import { forgetKeys } from './idempotency.ts';
import type { Emits } from './order.ts';
import { forgetAddresses } from './store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MORE_MS = 1000;

/** Idempotency keys are kept for a day, and addresses for ninety, or until the parcel has left. */
const KEEP_KEYS_MS = DAY_MS;
const KEEP_ADDRESSES_MS = 90 * DAY_MS;

/** Old idempotency keys go once an hour, more often while there are very many. */
export async function pruneKeys(tx: Tx, _payload: unknown, { now }: Scope<Deps>): Promise<Effects<Emits>> {
  const more = await forgetKeys(tx, before(now, KEEP_KEYS_MS));
  return { tasks: [pruningKeys(after(now, more ? MORE_MS : HOUR_MS))] };
}

/** People do not leave where they live behind for ever. */
export async function pruneAddresses(
  tx: Tx,
  _payload: unknown,
  { now }: Scope<Deps>,
): Promise<Effects<Emits>> {
  const more = await forgetAddresses(tx, before(now, KEEP_ADDRESSES_MS));
  return { tasks: [pruningAddresses(after(now, more ? MORE_MS : DAY_MS))] };
}

export function pruningKeys(dueAt: Date): TaskOrder {
  return { kind: 'prune', key: 'idempotency-keys', payload: {}, dueAt };
}

export function pruningAddresses(dueAt: Date): TaskOrder {
  return { kind: 'forget', key: 'addresses', payload: {}, dueAt };
}

function before(now: Date, ms: number): Date {
  return new Date(now.getTime() - ms);
}

function after(now: Date, ms: number): Date {
  return new Date(now.getTime() + ms);
}
