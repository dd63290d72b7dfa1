import type { Entry } from './payment.ts';

/** Sums of a ledger by kind, in minor units. */
export type Totals = Readonly<Record<Entry['kind'], number>>;

export function totalsOf(sums: readonly { readonly kind: Entry['kind']; readonly amount: number }[]): Totals {
  const totals = { authorized: 0, captured: 0, voided: 0, lapsed: 0, refunded: 0 };
  for (const { kind, amount } of sums) totals[kind] += amount;
  return totals;
}

/** @throws Error when more was taken, let go or given back than there was. */
export function checkTotals(orderId: string, totals: Totals): void {
  const { authorized, captured, voided, lapsed, refunded } = totals;
  if (captured + voided + lapsed > authorized) {
    throw new Error(`the ledger of ${orderId} would end more than was authorized: ${JSON.stringify(totals)}`);
  }
  if (refunded > captured) {
    throw new Error(
      `the ledger of ${orderId} would refund more than was captured: ${JSON.stringify(totals)}`,
    );
  }
}
