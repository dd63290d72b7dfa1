import { escapeIdentifier, types, type ClientBase, type ClientConfig, type QueryConfig } from 'pg';
import { asStoreError, isFromServer } from './postgres-errors.ts';
import type { Dialect, SqlValue } from './store.ts';
import type { Runner } from './transaction.ts';

export const dialect: Dialect = {
  engine: 'postgres',
  serial: 'bigint generated always as identity primary key',
  bytes: 'bytea',
  forUpdate: 'for update',
  skipLocked: 'for update skip locked',
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

/** What the driver needs to connect. @throws Error when the URL and the certificate contradict each other. */
export function configOf(options: PostgresOptions): ClientConfig {
  const { url, ca, connectTimeoutMs, statementTimeoutMs } = options;
  return {
    ...addressOf(url, ca),
    application_name: `tradewind ${options.schema}`,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: statementTimeoutMs + SILENCE_MS,
    keepAlive: true,
    // Queries go out at once; without it each waits until the one before is answered.
    pipeline: true,
    types: { getTypeParser },
  };
}

/** `sslmode` means what it means to libpq: `require` alone encrypts and checks nothing. */
function addressOf(given: string, ca: string | undefined): Pick<ClientConfig, 'connectionString' | 'ssl'> {
  const url = new URL(given);
  url.searchParams.set('uselibpqcompat', 'true');
  if (ca === undefined) return { connectionString: url.href };
  const mode = url.searchParams.get('sslmode') ?? 'verify-full';
  if (mode === 'disable') {
    throw new Error('configuration: DATABASE_CA is set, but DATABASE_URL says sslmode=disable');
  }
  // The driver would put what follows from the mode in the place of the certificate.
  url.searchParams.delete('sslmode');
  const checksName = mode === 'verify-full';
  return {
    connectionString: url.href,
    ssl: { ca, ...(checksName ? {} : { checkServerIdentity: () => undefined }) },
  };
}

/**
 * Brings a new connection into the state that every query relies on. Plans are made for the tables as they are: one that
 * was made while a queue was empty reads all of it when it is long.
 */
export async function settle(client: ClientBase, schema: string, statementTimeoutMs: number): Promise<void> {
  await client.query(
    `set search_path to ${escapeIdentifier(schema)};
     set plan_cache_mode to force_custom_plan;
     set statement_timeout to ${statementTimeoutMs};
     set idle_in_transaction_session_timeout to ${statementTimeoutMs}`,
  );
}

/**
 * A statement that the server has prepared under this name no longer fits its table, or is not there: somebody changed
 * the schema, or a pooler the connection.
 */
const UNPREPARED = /^(?:0A000|26000)$/;

/** Texts that get a name; with further ones the server begins anew each time. */
const MAX_NAMES = 500;
const names = new Map<string, string>();

/** From the second time on a statement has a name, under which each connection prepares it once. */
function named(text: string, values: readonly SqlValue[]): QueryConfig {
  const query = { text, values: [...values] };
  const name = names.get(text);
  if (name !== undefined) return { ...query, name };
  if (values.length > 0 && names.size < MAX_NAMES) names.set(text, `s${names.size}`);
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
      this.isBroken ||= !isFromServer(error) || UNPREPARED.test(error.code);
      throw asStoreError(error);
    }
  }
}
