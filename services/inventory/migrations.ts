import type { Migration } from '../../platform/store/migrate.ts';

export const migrations: readonly Migration[] = [
  {
    name: 'inventory-001-stock',
    statements: () => [
      `create table stock (
        sku text primary key,
        on_hand integer not null check (on_hand >= 0),
        reserved integer not null check (reserved >= 0),
        revision integer not null,
        check (reserved <= on_hand)
      )`,
      `create table reservations (
        order_id text primary key,
        version integer not null,
        body text not null,
        hold text not null
      )`,
      `create table receipts (
        sku text not null,
        reference text not null,
        quantity integer not null,
        received_at text not null,
        primary key (sku, reference)
      )`,
    ],
  },
];
