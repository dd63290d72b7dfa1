import { recurring } from '../../platform/service.ts';
import type { Deps } from './handle.ts';
import { forgetKeys } from './idempotency.ts';
import type { Emits } from './order.ts';
import { forgetAddresses } from './store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Idempotency keys are kept for a day, and addresses for ninety, or until the parcel has left. */
const KEEP_KEYS_MS = DAY_MS;
const KEEP_ADDRESSES_MS = 90 * DAY_MS;

export const pruneKeys = recurring<Emits, Deps>('prune-keys', HOUR_MS, (tx, { now }) =>
  forgetKeys(tx, before(now, KEEP_KEYS_MS)),
);

/** People do not leave where they live behind for ever. */
export const pruneAddresses = recurring<Emits, Deps>('prune-addresses', DAY_MS, (tx, { now }) =>
  forgetAddresses(tx, before(now, KEEP_ADDRESSES_MS)),
);

function before(now: Date, ms: number): Date {
  return new Date(now.getTime() - ms);
}
