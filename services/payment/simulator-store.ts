import type { Migration } from '../../platform/store/migrate.ts';
import type { Tx } from '../../platform/store/store.ts';

export interface Charge {
  readonly reference: string;
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
  readonly captured: number;
  readonly voided: number;
  readonly refunded: number;
  readonly expiresAt: string;
}

/** A driver may hand a bigint out as text. */
type ChargeRow = {
  readonly [Key in keyof Charge]: Charge[Key] extends number ? number | string : Charge[Key];
};

export const migrations: readonly Migration[] = [
  {
    name: 'simulator-001-charges-calls',
    statements: () => [
      `create table charges (
        reference text primary key,
        order_id text not null,
        amount bigint not null check (amount > 0),
        currency text not null,
        captured bigint not null,
        voided bigint not null,
        refunded bigint not null check (refunded <= captured),
        expires_at text not null,
        check (captured + voided <= amount)
      )`,
      'create index charges_of_order on charges (order_id)',
      `create table calls (
        idempotency_key text primary key,
        request text not null,
        answer text not null,
        called_at text not null
      )`,
    ],
  },
  { name: 'simulator-002-calls-age', statements: () => ['create index calls_age on calls (called_at)'] },
];

/** Takes a key for a request. @returns the request and the answer it was taken for before, if it was. */
export async function takeKey(
  tx: Tx,
  key: string,
  request: string,
  now: Date,
): Promise<{ request: string; answer: string } | undefined> {
  const taken = await tx.run(
    `insert into calls (idempotency_key, request, answer, called_at) values ($1, $2, '', $3)
     on conflict (idempotency_key) do nothing`,
    key,
    request,
    now.toISOString(),
  );
  if (taken > 0) return undefined;
  return tx.get('select request, answer from calls where idempotency_key = $1', key);
}

export async function saveAnswer(tx: Tx, key: string, answer: unknown): Promise<void> {
  tx.send('update calls set answer = $2 where idempotency_key = $1', key, JSON.stringify(answer));
}

/** Forgets keys that were taken before an instant, `limit` at most; those that somebody else is at are left to them. */
export async function forgetKeys(tx: Tx, before: Date, limit: number): Promise<void> {
  await tx.run(
    `delete from calls where idempotency_key in (
       select idempotency_key from calls where called_at < $1 order by called_at limit $2 ${tx.dialect.skipLocked})`,
    before.toISOString(),
    limit,
  );
}

export async function addCharge(tx: Tx, charge: Charge): Promise<void> {
  tx.send(
    `insert into charges (reference, order_id, amount, currency, captured, voided, refunded, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    charge.reference,
    charge.orderId,
    charge.amount,
    charge.currency,
    charge.captured,
    charge.voided,
    charge.refunded,
    charge.expiresAt,
  );
}

/** A charge that is about to change: nobody else may change it before that. */
export async function chargeOf(tx: Tx, reference: string): Promise<Charge | undefined> {
  const row = await tx.get<ChargeRow>(
    `select reference, order_id as "orderId", amount, currency, captured, voided, refunded,
       expires_at as "expiresAt"
     from charges where reference = $1 ${tx.dialect.forUpdate}`,
    reference,
  );
  if (!row) return undefined;
  const { amount, captured, voided, refunded } = row;
  return {
    ...row,
    amount: Number(amount),
    captured: Number(captured),
    voided: Number(voided),
    refunded: Number(refunded),
  };
}

export async function updateCharge(tx: Tx, { reference, captured, voided, refunded }: Charge): Promise<void> {
  tx.send(
    'update charges set captured = $2, voided = $3, refunded = $4 where reference = $1',
    reference,
    captured,
    voided,
    refunded,
  );
}

/** Whether an order had an authorization before. */
export async function wasAuthorized(tx: Tx, orderId: string): Promise<boolean> {
  return (await tx.get('select 1 as one from charges where order_id = $1 limit 1', orderId)) !== undefined;
}
