import { Client } from 'pg';
import { startPostgres } from '../../test/support/postgres-server.ts';

/** A PostgreSQL server that shops get databases of, one after the other. */
export interface DatabaseServer extends AsyncDisposable {
  /** Of its postmaster, when it is on this machine and was started here. */
  readonly pid: number | undefined;
  /** Where a database of that name is, made anew. */
  fresh(name: string): Promise<string>;
  drop(name: string): Promise<void>;
  counts(name: string): Promise<Counts>;
}

/** What a database has done so far. */
export interface Counts {
  readonly commits: number;
  /** `undefined` where the server does not count them. */
  readonly statements: number | undefined;
}

/** Managed servers count statements as well. */
const COUNTING = ['shared_preload_libraries=pg_stat_statements'];

/**
 * A server of its own with the default settings, every commit synced to disk, or one that is there.
 * @param url of a database on it, as a user who may make others.
 */
export async function openDatabaseServer(url: string | undefined): Promise<DatabaseServer> {
  if (url !== undefined) return serverAt(url, undefined, async () => undefined);
  const server = await startPostgres(COUNTING);
  return serverAt(server.url, server.pid, () => server.remove());
}

async function serverAt(
  url: string,
  pid: number | undefined,
  close: () => Promise<void>,
): Promise<DatabaseServer> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const counts = await client.query('create extension if not exists pg_stat_statements').then(
    () => true,
    () => false,
  );
  return {
    pid,
    async fresh(name) {
      await client.query(`drop database if exists ${name} with (force)`);
      await client.query(`create database ${name}`);
      return Object.assign(new URL(url), { pathname: `/${name}` }).href;
    },
    async drop(name) {
      await client.query(`drop database if exists ${name} with (force)`);
    },
    async counts(name) {
      const commits = 'select xact_commit as count from pg_stat_database where datname = $1';
      const statements = `select sum(calls) as count from pg_stat_statements
        where dbid = (select oid from pg_database where datname = $1)`;
      const count = async (sql: string): Promise<number> =>
        Number((await client.query<{ count: string }>(sql, [name])).rows[0]?.count);
      return { commits: await count(commits), statements: counts ? await count(statements) : undefined };
    },
    async [Symbol.asyncDispose]() {
      await client.end();
      await close();
    },
  };
}
