import { createHash } from 'node:crypto';
import { types, type ClientBase, type ClientConfig, type QueryConfig } from 'pg';
import { addressOf } from './postgres-address.ts';
import { asStoreError, isFromServer } from './postgres-errors.ts';
import type { Dialect, SqlValue } from './store.ts';
import type { Runner } from './transaction.ts';

export const dialect: Dialect = {
  engine: 'postgres',
  serial: 'bigint generated always as identity primary key',
  bytes: 'bytea',
  forUpdate: 'for update',
  skipLocked: 'for update skip locked',
  hasTable: 'select to_regclass($1) is not null as found',
  takeTurn: 'select pg_advisory_xact_lock(hashtext(current_schema()), $1)',
  // The lock that every statement which writes takes before it begins, and keeps until its transaction can be seen.
  writersOf: `select virtualtransaction as writer from pg_locks
    where locktype = 'relation' and mode = 'RowExclusiveLock' and granted and relation = to_regclass($1)
      and database = (select oid from pg_database where datname = current_database())`,
};

const { INT8, NUMERIC } = types.builtins;

/** The driver hands out as text what might not fit a number; the numbers of a shop do. */
const getTypeParser: typeof types.getTypeParser = (type, format) =>
  type === INT8 || type === NUMERIC ? Number : types.getTypeParser(type, format);

/** Where a PostgreSQL database is, and how long it may take. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=verify-full`, as libpq has it. */
  readonly url: string;
  /** Certificate of the authority that the server's must come from, in PEM. */
  readonly ca?: string | undefined;
  /** Tables live in this schema, which is made when it is missing. */
  readonly schema: string;
  /** Connections at most. */
  readonly poolSize: number;
  /** Milliseconds to wait for a connection, a new one or a free one. */
  readonly connectTimeoutMs: number;
  /** Milliseconds that a statement may take. */
  readonly statementTimeoutMs: number;
}

/** When neither the answer nor the server's own timeout has come this long after it, the connection is dead. */
const SILENCE_MS = 5000;

const KEEP_ALIVE_MS = 10_000;
/** An old connection goes: it knows of no other server since. */
export const LIFETIME_SECONDS = 1800;

/** What the driver needs to connect. @throws Error naming what the URL says that cannot be kept. */
export function configOf(options: PostgresOptions): ClientConfig {
  const { url, ca, connectTimeoutMs, statementTimeoutMs } = options;
  return {
    ...addressOf(url, ca),
    application_name: `tradewind ${options.schema}`,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: statementTimeoutMs + SILENCE_MS,
    keepAlive: true,
    // Networks forget a silent connection after minutes, and a long change of the schema is silent.
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    // Queries go out at once; without it each waits until the one before is answered.
    pipeline: true,
    types: { getTypeParser },
  };
}

/**
 * After these nobody must get the connection again. What it has prepared no longer fits its table, or is not there, or is there
 * already: somebody changed the schema, or a pooler the session. Its server only reads since a failover. Its session is over:
 * some servers say so while the socket is still open.
 */
const SPOILT = /^(?:0A000|26000|42P05|25006|25P03|25P04|57P|08)/;

/** Texts that get a name; with further ones the server begins anew each time. */
const MAX_NAMES = 500;
const names = new Map<string, string>();

/**
 * From the second time on a statement has a name, under which each connection prepares it once. The name is made of the text:
 * if a pooler should lead to what another process has prepared, it is the same.
 */
function named(text: string, values: readonly SqlValue[]): QueryConfig {
  const query = { text, values: [...values] };
  const name = names.get(text);
  if (name !== undefined) return { ...query, name };
  if (values.length > 0 && names.size < MAX_NAMES)
    names.set(text, `s${createHash('sha256').update(text).digest('hex').slice(0, 24)}`);
  return query;
}

/** A connection that runs one transaction. */
export class Connection implements Runner {
  readonly #client: ClientBase;
  /** Whether it fails for another reason than a query: nobody must get it again. */
  isBroken = false;

  constructor(client: ClientBase) {
    this.#client = client;
  }

  async all<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    return (await this.#query(sql, values)).rows as Row[];
  }

  async get<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined> {
    return (await this.all<Row>(sql, ...values))[0];
  }

  async run(sql: string, ...values: readonly SqlValue[]): Promise<number> {
    return (await this.#query(sql, values)).rowCount ?? 0;
  }

  /** @throws Error when the server undid the transaction instead, as it does with one in which a query failed. */
  async commit(): Promise<void> {
    const { command } = await this.#query('commit', []);
    if (command !== 'COMMIT') throw new Error(`the transaction was not committed: ${command}`);
  }

  /** Ends a transaction that failed. Where it cannot, the server does so when the connection is gone. */
  async rollback(): Promise<void> {
    if (!this.isBroken) await this.run('rollback').catch(() => undefined);
  }

  async #query(sql: string, values: readonly SqlValue[]) {
    try {
      return await this.#client.query(named(sql, values));
    } catch (error) {
      this.isBroken ||= !isFromServer(error) || SPOILT.test(error.code);
      throw asStoreError(error);
    }
  }
}
