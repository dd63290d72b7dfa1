import type { Migration } from '../store/migrate.ts';

/** The broker's tables: events that are not delivered everywhere yet, and what is left to deliver. */
export const migrations: readonly Migration[] = [
  {
    name: 'broker-001-events-deliveries',
    statements: (dialect) => [
      `create table events (
        seq ${dialect.serial},
        broker text not null,
        attributes text not null,
        data ${dialect.bytes},
        accepted_at text not null
      )`,
      `create table deliveries (
        event_seq bigint not null,
        queue text not null,
        state text not null,
        attempts integer not null,
        redrives integer not null,
        partition_key text,
        error_code integer,
        error_dest text,
        error_data text,
        died_at text,
        redrive_at text,
        primary key (event_seq, queue)
      )`,
      'create index deliveries_queue on deliveries (queue, state, event_seq)',
      'create index deliveries_redrive on deliveries (queue, redrive_at) where redrive_at is not null',
    ],
  },
  {
    // Dead letters were kept beside what waits; now they wait for their sink.
    name: 'broker-002-dead-letters-wait',
    statements: () => [
      `update deliveries set attempts = 0, queue = replace(queue, '#dead-letters', '') || '#dead-letters'
       where state = 'dead'`,
      'drop index deliveries_queue',
      'drop index deliveries_redrive',
      'alter table deliveries drop column state',
      'alter table deliveries drop column redrives',
      'alter table deliveries drop column died_at',
      'alter table deliveries drop column redrive_at',
      'create index deliveries_queue on deliveries (queue, event_seq)',
    ],
  },
  {
    name: 'broker-003-forwarded-headers',
    statements: () => [`alter table events add column headers text not null default '{}'`],
  },
];
