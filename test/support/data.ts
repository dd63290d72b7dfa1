import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client, escapeIdentifier } from 'pg';
import { environment } from '../../platform/config.ts';
import { openPostgres, type PostgresOptions } from '../../platform/store/postgres.ts';

/** Where the services of one test keep their data. */
export interface TestData {
  readonly engine: 'sqlite' | 'postgres';
  /** A folder of the test's own; on PostgreSQL the services leave it empty. */
  readonly dataDir: string;
  /** The settings that lead a service to it. */
  readonly env: Readonly<Record<string, string>>;
  /** Looks into a service's database from outside. @param name of the database, where it is not the service's own. */
  rows<Row>(service: string, name: string, sql: string): Promise<Row[]>;
  remove(): Promise<void>;
}

/** The engine that this run of a test file is about: `jest.config.mjs` runs some files once for each. */
export const engine = (globalThis as { engine?: 'sqlite' | 'postgres' }).engine ?? 'sqlite';

/**
 * How often to try a property: its rules are the same on the second engine, and it needs no second look at them all.
 * TEST_RUNS multiplies it: what has more time than a person at work, as `.ci/run`, tries more.
 */
export function numRuns(count: number): number {
  const { TEST_RUNS: times = '0.5' } = environment();
  return Math.ceil(count * Number(times) * (engine === 'sqlite' ? 1 : 0.5));
}

/** Makes a fresh place for data. @param server a PostgreSQL server to take whatever engine the run is about */
export async function openTestData(name: string, server?: string): Promise<TestData> {
  const { TEST_DATA_DIR = tmpdir() } = environment();
  const dataDir = await mkdtemp(join(TEST_DATA_DIR, `tradewind-${name}-`));
  const isFiles = engine === 'sqlite' && server === undefined;
  return isFiles ? inFolder(dataDir) : inDatabase(dataDir, await freshDatabase(server));
}

function inFolder(dataDir: string): TestData {
  return {
    engine: 'sqlite',
    dataDir,
    env: { DATA_DIR: dataDir },
    async rows<Row>(service: string, database: string, sql: string): Promise<Row[]> {
      const path = join(dataDir, service, `${database}.sqlite`);
      using db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
      return db.prepare(sql).all() as Row[];
    },
    remove: () => rm(dataDir, { recursive: true, force: true }),
  };
}

function inDatabase(dataDir: string, { url, free }: Database): TestData {
  return {
    engine: 'postgres',
    dataDir,
    env: { DATA_DIR: dataDir, DATABASE_URL: url, ...patience },
    async rows<Row>(service: string, database: string, sql: string): Promise<Row[]> {
      await using store = await openPostgres(
        postgresOptions(url, database === service ? service : `${service}_${database}`),
      );
      return await store.read.all<Row>(sql);
    },
    async remove() {
      free();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A database that many tests use at once may be slow: that is no outage. */
const patience = { DATABASE_CONNECT_TIMEOUT: '60s', DATABASE_STATEMENT_TIMEOUT: '60s' };

/** Ways of a store that a test opens by itself. */
export function postgresOptions(url: string, schema = 'store'): PostgresOptions {
  return { url, schema, poolSize: 10, connectTimeoutMs: 5000, statementTimeoutMs: 5000 };
}

interface Database {
  readonly url: string;
  free(): void;
}

const NO_SUCH_DATABASE = '3D000';
const taken = new Set<number>();

/** To make a database takes ten times as long as to empty one: each worker has a few, and uses them again. */
async function freshDatabase(chosen?: string): Promise<Database> {
  let number = 0;
  while (taken.has(number)) number += 1;
  taken.add(number);
  const { TEST_DATABASE_URL: shared = '', JEST_WORKER_ID: worker = '1' } = environment();
  const server = chosen ?? shared;
  const name = `test_${worker}_${number}`;
  const url = new URL(server);
  url.pathname = name;
  await onConnection(url.href, empty).catch(async (error: { code?: string }) => {
    if (error.code !== NO_SUCH_DATABASE) throw error;
    await onConnection(server, (client) => client.query(`create database ${name}`));
  });
  return { url: url.href, free: () => taken.delete(number) };
}

/** Whoever was killed may have left connections behind, and they locks. */
async function empty(client: Client): Promise<void> {
  await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname not like 'pg\\_%' and nspname not in ('public', 'information_schema')`,
  );
  for (const { name } of rows) await client.query(`drop schema ${escapeIdentifier(name)} cascade`);
}

async function onConnection<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
