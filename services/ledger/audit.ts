import type { Reader, Tx } from '../../platform/store/store.ts';

/** What people do by hand. */
export type Action = 'replay' | 'cancel' | 'discard' | 'reveal';

/** Who did something, and why. */
export interface Act {
  readonly by: string;
  readonly reason: string;
}

/** An entry of the audit log; `detail` has neither an event's data nor anybody's address. */
export interface AuditEntry {
  readonly seq: number;
  readonly at: string;
  readonly by: string;
  readonly action: Action;
  readonly detail: Readonly<Record<string, unknown>>;
}

interface Row extends Omit<AuditEntry, 'detail'> {
  readonly detail: string;
}

/** Writes down an act, in the transaction that does it. @returns the entry's number */
export async function audit(
  tx: Tx,
  { by, reason }: Act,
  action: Action,
  detail: AuditEntry['detail'],
  now: Date,
): Promise<number> {
  const row = await tx.get<{ seq: number }>(
    'insert into audit (at, actor, action, detail) values ($1, $2, $3, $4) returning seq',
    now.toISOString(),
    by,
    action,
    JSON.stringify({ ...detail, reason }),
  );
  if (!row) throw new Error('the audit log did not take an entry');
  return row.seq;
}

/** Replaces the detail of an act that takes several transactions: it tells of what is done so far. */
export async function amend(
  tx: Tx,
  seq: number,
  { reason }: Act,
  detail: AuditEntry['detail'],
): Promise<void> {
  await tx.run('update audit set detail = $2 where seq = $1', seq, JSON.stringify({ ...detail, reason }));
}

/** Entries, the newest first. @param before only those with a lower number */
export async function auditPage(
  reader: Reader,
  before: number | undefined,
  limit: number,
): Promise<AuditEntry[]> {
  const rows = await reader.all<Row>(
    `select seq, at, actor as "by", action, detail from audit where seq < $1 order by seq desc limit $2`,
    before ?? Number.MAX_SAFE_INTEGER,
    limit,
  );
  return rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) as AuditEntry['detail'] }));
}
