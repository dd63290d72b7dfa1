import type { Migration } from '../../platform/store/migrate.ts';

export const migrations: readonly Migration[] = [
  {
    name: 'storefront-001-orders',
    statements: () => [
      `create table customers (
        customer_id text primary key,
        revision integer not null,
        contact text,
        contact_revision integer not null
      )`,
      `create table addresses (
        customer_id text not null,
        revision integer not null,
        address text not null,
        primary key (customer_id, revision)
      )`,
      `create table orders (
        order_id text primary key,
        version integer not null,
        body text not null,
        customer_id text not null,
        placed_at text not null,
        status text not null
      )`,
      'create index orders_customer on orders (customer_id, placed_at, order_id)',
      'create index orders_status on orders (status, placed_at)',
      `create table timeline (
        order_id text not null,
        seq integer not null,
        at text not null,
        event text not null,
        text text not null,
        status text not null,
        primary key (order_id, seq)
      )`,
      `create table idempotency_keys (
        scope text not null,
        idempotency_key text not null,
        request_hash text not null,
        answer text not null,
        created_at text not null,
        primary key (scope, idempotency_key)
      )`,
      'create index idempotency_keys_created on idempotency_keys (created_at)',
      `create table stock_levels (
        sku text primary key,
        available integer not null,
        revision integer not null
      )`,
    ],
  },
  {
    name: 'storefront-002-addresses',
    statements: () => [
      `alter table addresses add column added_at text not null default ''`,
      'create index addresses_added on addresses (added_at)',
    ],
  },
];
