import type { Migration } from './migrate.ts';

/** The tables every service has: events seen, events to send, work to do. */
export const platformMigrations: readonly Migration[] = [
  {
    name: 'platform-001-inbox-outbox-tasks',
    statements: (dialect) => [
      `create table inbox (
        source text not null,
        id text not null,
        received_at text not null,
        primary key (source, id)
      )`,
      'create index inbox_received on inbox (received_at)',
      `create table outbox (
        seq ${dialect.serial},
        partition_key text not null,
        event text not null,
        created_at text not null
      )`,
      `create table tasks (
        kind text not null,
        task_key text not null,
        payload text not null,
        cause text not null,
        due_at text not null,
        lease_until text,
        lease_holder text,
        again_at text,
        attempts integer not null,
        last_error text,
        primary key (kind, task_key)
      )`,
      'create index tasks_due on tasks (lease_until, due_at)',
    ],
  },
];
