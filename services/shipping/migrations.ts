import type { Migration } from '../../platform/store/migrate.ts';

export const migrations: readonly Migration[] = [
  {
    name: 'shipping-001-shipments',
    statements: () => [
      `create table shipments (
        order_id text primary key,
        version integer not null,
        body text not null,
        customer_id text not null,
        state text not null,
        heard_at text not null
      )`,
      'create index shipments_of_customer on shipments (customer_id, state)',
      'create index shipments_in_state on shipments (state, heard_at, order_id)',
      'create index shipments_in_time on shipments (heard_at, order_id)',
      `create table address_changes (
        customer_id text not null,
        revision integer not null,
        zone text not null,
        address text not null,
        received_at text not null,
        primary key (customer_id, revision)
      )`,
      'create index address_changes_received on address_changes (received_at)',
      `create table labels (
        shipment_id text not null,
        revision integer not null,
        tracking_number text not null,
        created_at text not null,
        primary key (shipment_id, revision)
      )`,
    ],
  },
  {
    name: 'shipping-002-customers',
    statements: () => ['create table customers (customer_id text primary key, turns integer not null)'],
  },
  {
    name: 'shipping-003-answers',
    statements: () => [
      `alter table shipments add column answers_until text not null default '9999'`,
      'create index shipments_that_answer on shipments (customer_id, answers_until)',
      'drop index shipments_of_customer',
    ],
  },
];
