import type { Migration } from './migrate.ts';
import { LANES } from './outbox.ts';

/** Which replica sends what: of use only where several share a database. */
const lanes = [
  'create table relay_lanes (lane integer primary key, replica text, held_until timestamptz)',
  `insert into relay_lanes (lane) select lane from generate_series(0, ${LANES - 1}) as lane`,
  'create table relay_replicas (replica text primary key, alive_until timestamptz not null)',
];

/** What one replica does for all; likewise. */
const leases =
  'create table leases (name text primary key, holder text not null, held_until timestamptz not null)';

/** Their rows come and go: what is gone would be walked over for long before a fifth of the table is. */
const swept = ['outbox', 'tasks'].map(
  (table) => `alter table ${table} set (autovacuum_vacuum_scale_factor = 0.01)`,
);

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
  {
    name: 'platform-002-lanes',
    statements: (dialect) => [
      'alter table outbox add column lane integer not null default 0',
      'create index outbox_in_lane on outbox (lane, seq)',
      ...(dialect.engine === 'postgres' ? lanes : []),
    ],
  },
  {
    name: 'platform-003-leases',
    statements: (dialect) => (dialect.engine === 'postgres' ? [leases] : []),
  },
  {
    name: 'platform-004-vacuum',
    statements: (dialect) => (dialect.engine === 'postgres' ? swept : []),
  },
];
