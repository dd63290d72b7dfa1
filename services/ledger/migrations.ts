import type { Migration } from '../../platform/store/migrate.ts';

export const migrations: readonly Migration[] = [
  {
    name: 'ledger-001-archive',
    statements: (dialect) => [
      `create table archive (
        seq ${dialect.serial},
        id text not null,
        source text not null,
        type text not null,
        subject text,
        correlation_id text,
        causation_id text,
        happened_at text,
        kept_at text not null,
        arrivals integer not null,
        size integer not null,
        attributes text not null,
        data ${dialect.bytes},
        unique (id, source)
      )`,
      'create index archive_type on archive (type, seq)',
      'create index archive_source on archive (source, seq)',
      'create index archive_subject on archive (subject, seq)',
      'create index archive_correlation on archive (correlation_id, seq)',
      'create index archive_kept on archive (kept_at, seq)',
      `create table archive_chunks (
        chunk integer primary key,
        events integer not null,
        bytes bigint not null
      )`,
    ],
  },
  {
    name: 'ledger-002-dead-letters',
    statements: (dialect) => [
      `create table dead_letters (
        seq ${dialect.serial},
        fingerprint text not null unique,
        id text,
        source text,
        type text,
        subject text,
        correlation_id text,
        partition_key text,
        classification text not null,
        subscriber text not null,
        cause text not null,
        code integer,
        answer text not null,
        size integer not null,
        state text not null,
        outcome text,
        arrivals integer not null,
        attempts integer not null,
        failures integer not null,
        died_at text not null,
        last_died_at text not null,
        next_at text,
        given_up_at text,
        closed_at text,
        attributes text
      )`,
      "create index dead_letters_open on dead_letters (seq) where state <> 'closed'",
      "create index dead_letters_settled on dead_letters (seq) where state not in ('waiting', 'held')",
      'create index dead_letters_groups on dead_letters (state, subscriber, cause, type, code, died_at)',
      'create index dead_letters_redrive on dead_letters (state, subscriber, seq)',
      'create index dead_letters_given_up on dead_letters (state, given_up_at)',
      'create index dead_letters_correlation on dead_letters (correlation_id, seq)',
      'create index dead_letters_died on dead_letters (died_at, seq)',
      'create index dead_letters_oldest on dead_letters (state, died_at)',
      'create index dead_letters_closed on dead_letters (closed_at)',
      // Apart, so that every attempt does not write a long body anew.
      `create table dead_letter_bodies (
        letter bigint primary key,
        headers text,
        body ${dialect.bytes} not null
      )`,
      `create table attempts (
        seq ${dialect.serial},
        letter bigint not null,
        at text not null,
        made_by text not null,
        target text not null,
        code integer,
        answer text not null,
        took_ms integer not null
      )`,
      'create index attempts_letter on attempts (letter, seq)',
    ],
  },
  {
    name: 'ledger-003-replays',
    statements: (dialect) => [
      `create table replays (
        id text primary key,
        version integer not null,
        body text not null,
        state text not null,
        created_at text not null
      )`,
      'create index replays_created on replays (created_at, id)',
      `create table replay_failures (
        replay text not null,
        seq bigint not null,
        at text not null,
        event_id text not null,
        event_type text not null,
        code integer,
        answer text not null,
        primary key (replay, seq)
      )`,
      `create table audit (
        seq ${dialect.serial},
        at text not null,
        actor text not null,
        action text not null,
        detail text not null
      )`,
    ],
  },
];
