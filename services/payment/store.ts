import { documents } from '../../platform/store/documents.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import { checkTotals, totalsOf } from './ledger.ts';
import type { Entry, Payment } from './payment.ts';
import { isSettled, statusOf, type Status } from './status.ts';

export interface RecordedEntry {
  readonly kind: Entry['kind'];
  readonly amount: number;
  readonly at: string;
  readonly reference: string;
}

export const payments = documents<Payment>('payments', 'order_id', (payment) => payment.orderId, {
  status: statusOf,
  settled: (payment) => (isSettled(payment) ? 1 : 0),
});

/**
 * Adds lines to an order's ledger; a line that is there already is refused by its unique key.
 * @throws Error when the ledger would not add up any more.
 */
export async function record(tx: Tx, orderId: string, entries: readonly Entry[], now: Date): Promise<void> {
  for (const { kind, round, amount, currency, reference, key } of entries) {
    tx.send(
      `insert into ledger (order_id, kind, round, amount, currency, reference, idempotency_key, recorded_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      orderId,
      kind,
      round,
      amount,
      currency,
      reference,
      key,
      now.toISOString(),
    );
  }
  if (entries.length > 0) checkTotals(orderId, totalsOf(await listEntries(tx, orderId)));
}

/** An order's ledger, oldest line first. */
export async function listEntries(reader: Reader, orderId: string): Promise<RecordedEntry[]> {
  // A driver may hand a bigint out as text.
  const rows = await reader.all<Omit<RecordedEntry, 'amount'> & { amount: number | string }>(
    'select kind, amount, recorded_at as "at", reference from ledger where order_id = $1 order by seq',
    orderId,
  );
  return rows.map((row) => ({ ...row, amount: Number(row.amount) }));
}

/** How many payments have this status; only those that are not settled are counted. */
export async function countUnsettled(reader: Reader, status: Status): Promise<number> {
  const row = await reader.get<{ payments: number | string }>(
    'select count(*) as payments from payments where settled = 0 and status = $1',
    status,
  );
  return Number(row?.payments ?? 0);
}
