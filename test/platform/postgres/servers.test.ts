import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { StoreError } from '../../../platform/store/errors.ts';
import { migrate } from '../../../platform/store/migrate.ts';
import { openPostgres } from '../../../platform/store/postgres.ts';
import { platformMigrations } from '../../../platform/store/schema.ts';
import type { Reader, Store } from '../../../platform/store/store.ts';
import { claimTasks, nextDue } from '../../../platform/store/tasks.ts';
import { openTestData, postgresOptions, type TestData } from '../../support/data.ts';
import { openFreezer, openPoolerWithoutServer, openTransactionPooler } from '../../support/pooler.ts';
import { until } from '../../support/until.ts';

describe('a PostgreSQL that others have set up', () => {
  let data: TestData;
  let admin: Client;
  const opened: Store[] = [];
  const url = (): string => data.env['DATABASE_URL'] ?? '';
  const database = (): string => new URL(url()).pathname.slice(1);
  const open = async (changes: { poolSize?: number; statementTimeoutMs?: number } = {}): Promise<Store> => {
    const store = await openPostgres({ ...postgresOptions(url()), ...changes });
    opened.push(store);
    return store;
  };
  const byDefault = (what: string) => admin.query(`alter database ${database()} ${what}`);
  const hangUp = () =>
    admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name like 'tradewind%' and datname = current_database()`,
    );
  beforeEach(async () => {
    data = await openTestData('servers');
    admin = new Client({ connectionString: url() });
    await admin.connect();
  });
  afterEach(async () => {
    await byDefault('reset all');
    for (const store of opened.splice(0)) await store.close();
    await admin.end();
    await data.remove();
  });

  it('keeps to what is promised, whatever its defaults are', async () => {
    await byDefault("set default_transaction_isolation to 'serializable'");
    await byDefault('set synchronous_commit to off');
    const store = await open();
    const read = (name: string) =>
      store.read.get<{ value: string }>(`select current_setting('${name}') as value`);
    expect(await read('transaction_isolation')).toEqual({ value: 'read committed' });
    expect(await read('synchronous_commit')).toEqual({ value: 'on' });
  });

  it('lets a change of the schema take its time', async () => {
    await byDefault("set transaction_timeout to '100ms'");
    const store = await open({ statementTimeoutMs: 100 });
    await store.alone(async (tx) => {
      await tx.run('select pg_sleep(0.3)');
    });
  });

  it('is refused where it is not encoded in UTF8', async () => {
    const name = `${database()}_latin`;
    await admin.query(
      `create database ${name} encoding 'LATIN1' locale_provider libc locale 'C' template template0`,
    );
    const latin = Object.assign(new URL(url()), { pathname: `/${name}` }).href;
    await expect(openPostgres(postgresOptions(latin))).rejects.toThrow('encoded in LATIN1: make one in UTF8');
    await admin.query(`drop database ${name} with (force)`);
  });

  it('is left as soon as it only reads, and taken again when it writes', async () => {
    const store = await open();
    await store.write((tx) => tx.run('create table things (name text)'));
    await byDefault('set default_transaction_read_only to on');
    await hangUp();
    const write = () => store.write((tx) => tx.run("insert into things values ('x')"));
    await until('it is told of', () =>
      store.ping().then(
        () => false,
        (error: Error) => /only reads/.test(error.message),
      ),
    );
    await expect(write()).rejects.toThrow(StoreError);
    await byDefault('reset default_transaction_read_only');
    await write();
    await store.ping();
  });

  it('loses a connection whose server was made one that only reads', async () => {
    const store = await open({ poolSize: 2 });
    await store.write((tx) => tx.run('create table things (name text)'));
    await store.write((tx) => tx.run('set default_transaction_read_only to on'));
    const write = () => store.write((tx) => tx.run("insert into things values ('x')"));
    await expect(write()).rejects.toThrow(StoreError);
    await write();
  });

  it('is there while all connections are at work', async () => {
    const store = await open({ poolSize: 2 });
    const atWork = [1, 2].map(() => store.read.get('select pg_sleep(3)'));
    await store.ping();
    await store.ping();
    expect(await Promise.race([...atWork, Promise.resolve('still at work')])).toBe('still at work');
    await Promise.all(atWork);
  });

  it('is asked over a new connection where the old one is silent, and waits for no goodbye at the end', async () => {
    await using way = await openFreezer(url());
    const store = await openPostgres(postgresOptions(way.url));
    await store.ping();
    way.freeze();
    await expect(store.ping()).rejects.toThrow(StoreError);
    await store.ping();
    way.freeze();
    await store.close();
  });

  it('is not held up by who waits for the schema when all is over', async () => {
    const first = await open();
    const second = await open();
    const gate = Promise.withResolvers<void>();
    const slow = first.alone(() => gate.promise);
    const locked = `select 1 as one from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`;
    await until('the first one has the turn', async () => (await first.read.get(locked)) !== undefined);
    const waiting = expect(second.alone(async () => undefined)).rejects.toThrow('the store is closed');
    await second.close();
    await waiting;
    gate.resolve();
    await slow;
  });

  it('serves whoever may not change it, once all is there', async () => {
    const owner = await open();
    await migrate(owner, platformMigrations);
    const role = `clerk_of_${database()}`;
    await admin.query(`create role ${role} login`);
    await admin.query(`grant usage on schema store to ${role}`);
    await admin.query(`grant select, insert, update, delete on all tables in schema store to ${role}`);
    const own = Object.assign(new URL(url()), { username: role }).href;
    const store = await openPostgres(postgresOptions(own));
    await migrate(store, platformMigrations);
    await store.write((tx) => tx.run("insert into inbox values ('/a', '1', 'now')"));
    await store.close();
    await admin.query(`drop owned by ${role}`);
    await admin.query(`drop role ${role}`);
  });

  it('does not keep others from a table that a change of the schema waits for', async () => {
    const reasons: string[] = [];
    const store = await openPostgres({ ...postgresOptions(url()), statementTimeoutMs: 2000 }, (reason) =>
      reasons.push(reason),
    );
    opened.push(store);
    await store.write((tx) => tx.run('create table things (name text)'));
    await admin.query('begin; lock table store.things in access share mode');
    const change = store.alone((tx) => tx.run('alter table things add column size integer'));
    await until('it waits', () => reasons.length > 0);
    expect(await store.read.all('select name from things')).toEqual([]);
    await admin.query('commit');
    await change;
    expect(reasons).toEqual([expect.stringContaining('lock timeout')]);
  });

  it('is refused behind a pooler that gives a session away after each transaction', async () => {
    await using pooler = await openTransactionPooler(url());
    await expect(openPostgres(postgresOptions(pooler.url))).rejects.toThrow(
      /^configuration: DATABASE_URL leads to a pooler that gives a session away/,
    );
  });

  it('is waited for behind a pooler that has no server yet', async () => {
    await using pooler = await openPoolerWithoutServer(url());
    const reasons: string[] = [];
    const store = await openPostgres(postgresOptions(pooler.url), (reason) => reasons.push(reason));
    await store.close();
    expect(reasons).toEqual([expect.stringContaining('server login has been failing')]);
  });

  it('finds the next of very many tasks by index', async () => {
    const store = await open();
    await migrate(store, platformMigrations);
    await store.write((tx) =>
      tx.run(`insert into tasks (kind, task_key, payload, cause, due_at, attempts)
        select 'ask', number, '{}', '{}', '2030-01-01T00:00:00.000Z', 0 from generate_series(1, 100000) as number`),
    );
    await admin.query('analyze store.tasks');
    const asked: string[] = [];
    const explained = async (sql: string, ...values: readonly unknown[]): Promise<never[]> => {
      await admin.query('set search_path to store');
      const plan = await admin.query(`explain ${sql}`, [...values]);
      asked.push(plan.rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n'));
      return [];
    };
    const reader = { get: async (...query: [string]) => (await explained(...query))[0] } as unknown as Reader;
    await nextDue(reader, ['ask']);
    const lease = { holder: 'me', until: new Date() };
    const claimer = { dialect: store.dialect, writeOne: explained } as unknown as Store;
    await claimTasks(claimer, new Date('2031-01-01'), lease, 128, ['ask']);
    expect(asked).toHaveLength(2);
    for (const plan of asked) {
      expect(plan).toMatch(/Index Scan using tasks_due/);
      expect(plan).not.toMatch(/Seq Scan on tasks|Bitmap/);
    }
  });
});
