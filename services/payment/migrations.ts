import type { Migration } from '../../platform/store/migrate.ts';

export const migrations: readonly Migration[] = [
  {
    name: 'payment-001-payments-ledger',
    statements: (dialect) => [
      `create table payments (
        order_id text primary key,
        version integer not null,
        body text not null,
        status text not null,
        settled integer not null
      )`,
      'create index payments_unsettled on payments (status) where settled = 0',
      `create table ledger (
        seq ${dialect.serial},
        order_id text not null,
        kind text not null check (kind in ('authorized', 'captured', 'voided', 'lapsed', 'refunded')),
        round integer not null,
        amount bigint not null check (amount >= 0),
        currency text not null,
        reference text not null,
        idempotency_key text not null,
        recorded_at text not null,
        unique (order_id, kind, round)
      )`,
    ],
  },
];
