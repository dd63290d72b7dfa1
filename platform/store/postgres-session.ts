import { escapeIdentifier, type ClientBase } from 'pg';
import { StoreError, UnfitError } from './errors.ts';
import type { PostgresOptions } from './postgres-connection.ts';

type SessionOptions = Pick<PostgresOptions, 'schema' | 'statementTimeoutMs'>;

/** What a session must be able to rely on. */
interface Session {
  readonly isReadOnly: boolean;
  readonly encoding: string;
}

/**
 * Brings a new connection into the state that every query relies on, whatever the server or the role has by default. Plans are
 * made for the tables as they are: one that was made while a queue was empty reads all of it when it is long.
 * @throws StoreError from a server that only reads: a standby that was taken for the primary, or the primary of yesterday
 * @throws UnfitError from a database that cannot hold every text
 */
export async function settle(
  client: ClientBase,
  { schema, statementTimeoutMs }: SessionOptions,
): Promise<void> {
  await client.query(
    `set search_path to ${escapeIdentifier(schema)};
     set plan_cache_mode to force_custom_plan;
     set default_transaction_isolation to 'read committed';
     set statement_timeout to ${statementTimeoutMs};
     set idle_in_transaction_session_timeout to ${statementTimeoutMs};
     select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`,
  );
  const { rows } = await client.query<Session>(
    `select ${READ_ONLY} as "isReadOnly", current_setting('server_encoding') as encoding`,
  );
  const [session] = rows;
  if (session?.isReadOnly) throw new StoreError(ONLY_READS);
  if (session?.encoding !== 'UTF8')
    throw new UnfitError(`the database is encoded in ${session?.encoding}: make one in UTF8`);
}

/** Not every system lets a server look whether somebody is still there. */
const WATCHED = `select set_config(name, case name when 'client_connection_check_interval' then '5s' else '10' end, false)
  from pg_settings where name in ('client_connection_check_interval', 'tcp_keepalives_idle', 'tcp_keepalives_interval')`;

/**
 * For a connection that changes the schema. It may take as long as it needs; but what waits for a table keeps all who come after it
 * from that table, so it does not wait for long. The server notices when whoever began it is gone.
 */
export async function settleAlone(client: ClientBase, options: SessionOptions): Promise<void> {
  await settle(client, { ...options, statementTimeoutMs: 0 });
  // Newer servers have a limit for whole transactions, too.
  await client.query(
    "select set_config(name, '0', false) from pg_settings where name = 'transaction_timeout'",
  );
  await client.query(`set lock_timeout to ${lockTimeoutOf(options)}`);
  await client.query(WATCHED).catch(() => undefined);
}

/** How long a change of the schema waits for a table, in milliseconds. */
export function lockTimeoutOf({ statementTimeoutMs }: SessionOptions): number {
  return Math.min(1000, Math.ceil(statementTimeoutMs / 4));
}

const READ_ONLY = "(pg_is_in_recovery() or current_setting('transaction_read_only') = 'on')";
const ONLY_READS = 'the server only reads: it is a standby, or was made one';

/** Whether a server is there that writes. @throws StoreError when it only reads */
export async function check(client: ClientBase): Promise<void> {
  const { rows } = await client.query<Pick<Session, 'isReadOnly'>>(`select ${READ_ONLY} as "isReadOnly"`);
  if (rows[0]?.isReadOnly) throw new StoreError(ONLY_READS);
}

/**
 * Whether two connections that are open at the same time lead to one session of the server, or one of them to several: then a
 * pooler gives sessions away after each transaction, with whatever was set in them. A busy one may hide it.
 */
export async function isPooledByTransaction(one: ClientBase, other: ClientBase): Promise<boolean> {
  const before = [await sessionOf(one), await sessionOf(other)];
  const after = [await sessionOf(other), await sessionOf(one)].toReversed();
  return before[0] === before[1] || before.some((session, index) => session !== after[index]);
}

async function sessionOf(client: ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid;
}
