import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { inspect } from 'node:util';
import { StoreError } from '../../../platform/store/errors.ts';
import { migrate } from '../../../platform/store/migrate.ts';
import { openPostgres } from '../../../platform/store/postgres.ts';
import type { Store, Tx } from '../../../platform/store/store.ts';
import { payment } from '../../../services/payment/service.ts';
import { openTestData, postgresOptions, type TestData } from '../../support/data.ts';
import { startTestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const grow = (tx: Tx, name: string) => tx.run('update things set size = size + 1 where name = $1', name);

describe('PostgreSQL', () => {
  let data: TestData;
  const opened: Store[] = [];
  const url = (): string => data.env['DATABASE_URL'] ?? '';
  const open = async (changes: { schema?: string; statementTimeoutMs?: number } = {}): Promise<Store> => {
    const store = await openPostgres({ ...postgresOptions(url()), ...changes });
    opened.push(store);
    return store;
  };
  beforeEach(async () => {
    data = await openTestData('engine');
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await data.remove();
  });

  it('keeps services apart, each in a schema of its own', async () => {
    const one = await open({ schema: 'one' });
    const two = await open({ schema: 'two "2"' });
    for (const store of [one, two]) await store.write((tx) => tx.run('create table things (name text)'));
    await one.write((tx) => tx.run("insert into things (name) values ('mine')"));
    expect(await two.read.all('select name from things')).toEqual([]);
  });

  it('syncs every commit to disk', async () => {
    const store = await open();
    expect(await store.write((tx) => tx.get('show synchronous_commit'))).toEqual({
      synchronous_commit: 'on',
    });
  });

  it('repeats what was broken off because two transactions waited for each other', async () => {
    const store = await open();
    await store.write((tx) => tx.run('create table things (name text primary key, size integer)'));
    await store.write((tx) => tx.run("insert into things values ('a', 0), ('b', 0)"));
    let tries = 0;
    const both = Promise.withResolvers<void>();
    const inOrder = (first: string, second: string) => async (tx: Tx) => {
      await grow(tx, first);
      if ((tries += 1) === 2) both.resolve();
      await both.promise;
      await grow(tx, second);
    };
    await Promise.all([store.write(inOrder('a', 'b')), store.write(inOrder('b', 'a'))]);
    expect(tries).toBe(3);
    expect(await store.read.all('select size from things')).toEqual([{ size: 2 }, { size: 2 }]);
  });

  it('ends a statement that takes too long, and goes on', async () => {
    const store = await open({ statementTimeoutMs: 200 });
    await expect(store.read.get('select pg_sleep(5)')).rejects.toThrow(StoreError);
    await expect(store.write((tx) => tx.get('select pg_sleep(5)'))).rejects.toThrow(StoreError);
    expect(await store.write((tx) => tx.get('select 1 as one'))).toEqual({ one: 1 });
  });

  it('goes on when somebody has changed a column that a prepared statement answers', async () => {
    const store = await open();
    await store.write((tx) => tx.run('create table things (name text, size integer)'));
    await store.write((tx) => tx.run("insert into things values ('a', 1)"));
    const read = () => store.read.get('select size from things where name = $1', 'a');
    for (let times = 0; times < 3; times += 1) expect(await read()).toEqual({ size: 1 });
    await store.write((tx) => tx.run('alter table things alter column size type text'));
    await until('it has prepared it anew', () =>
      read().then(
        () => true,
        () => false,
      ),
    );
    expect(await read()).toEqual({ size: '1' });
  });

  it('prepares what comes again once for each connection, and never two texts under one name', async () => {
    const store = await open();
    const prepared = `select count(*) as count from pg_prepared_statements where statement like '%$1%as marked%'`;
    await store.write(async (tx) => {
      for (let times = 0; times < 3; times += 1) await tx.get('select $1::text as marked', 'x');
      for (let times = 0; times < 3; times += 1) await tx.get('select $1::integer as marked', 1);
      expect(await tx.get(prepared)).toEqual({ count: 2 });
    });
  });

  it('tells nothing of a row that breaks a constraint', async () => {
    const store = await open();
    await store.write((tx) => tx.run('create table things (name text check (length(name) < 3))'));
    const error = await store
      .write((tx) => tx.run('insert into things values ($1)', 'Hafenstraße 12'))
      .catch((reason: unknown) => reason);
    expect(inspect(error)).toContain('violates check constraint');
    expect(inspect(error)).not.toContain('Hafen');
  });

  it('survives the loss of every connection', async () => {
    const store = await open();
    const other = await open({ schema: 'other' });
    const atWork = store.write((tx) => tx.get('select pg_sleep(20)'));
    const failed = expect(atWork).rejects.toThrow(StoreError);
    const kill = `select count(pg_terminate_backend(pid)) as killed from pg_stat_activity
      where application_name = 'tradewind store' and datname = current_database()`;
    await until(
      'the connection is gone',
      async () => ((await other.read.get<{ killed: number }>(kill))?.killed ?? 0) > 0,
    );
    await failed;
    await until('it answers again', () =>
      store.ping().then(
        () => true,
        () => false,
      ),
    );
  });

  it('lets one of several processes change the schema, and tells the others that they wait', async () => {
    const reasons: string[] = [];
    const first = await open();
    const second = await openPostgres(postgresOptions(url()), (reason) => reasons.push(reason));
    opened.push(second);
    const gate = Promise.withResolvers<void>();
    const slow = first.alone(() => gate.promise);
    const migrations = [{ name: '001', statements: () => ['create table things (x integer)'] }];
    await until('the first one has the turn', async () => {
      const lock = `select 1 as one from pg_locks where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`;
      return (await first.read.get(lock)) !== undefined;
    });
    const waiting = migrate(second, migrations);
    await until('the second one waits', () => reasons.length > 0);
    expect(reasons).toEqual(['another process is changing the schema']);
    gate.resolve();
    await Promise.all([slow, waiting, migrate(first, migrations)]);
    expect(await first.read.all('select name from migrations')).toEqual([{ name: '001' }]);
  });

  it('keeps a whole service, and the part that keeps its books apart, without a folder', async () => {
    await using service = await startTestService(payment);
    expect(await readdir(service.data.dataDir)).toEqual([]);
    const rows = await service.service.store.read.all<{ name: string }>(
      `select nspname as name from pg_namespace where nspname like 'payment%' order by nspname`,
    );
    expect(rows.map(({ name }) => name)).toEqual(['payment', 'payment_simulator']);
  });
});
