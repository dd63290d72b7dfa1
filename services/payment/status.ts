import type { Payment } from './payment.ts';

export const STATUSES = [
  'waiting',
  'closed',
  'authorizing',
  'authorized',
  'declined',
  'capturing',
  'captured',
  'capture_failed',
  'voiding',
  'voided',
  'refunding',
  'refunded',
] as const;
export type Status = (typeof STATUSES)[number];

/** What a person calls the state of a payment. */
export function statusOf({ order, step, outcome, hold, superseded, closed, lapses }: Payment): Status {
  if (!order || !(step || outcome || hold)) return closed === undefined ? 'waiting' : 'closed';
  if (step?.kind === 'refund') return 'refunding';
  if (outcome) return outcome;
  if (step?.kind === 'capture') return 'capturing';
  if (step?.kind === 'void' && !superseded) return 'voiding';
  if (hold) return 'authorized';
  return lapses > 0 ? 'capturing' : 'authorizing';
}

/** Whether nothing is left to be done, by the gateway or by a person. */
export function isSettled(payment: Payment): boolean {
  const settled: readonly Status[] = ['closed', 'declined', 'captured', 'voided', 'refunded'];
  return settled.includes(statusOf(payment));
}
