import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreError } from '../../platform/store/errors.ts';
import { migrate, type Migration } from '../../platform/store/migrate.ts';
import type { Store, Tx } from '../../platform/store/store.ts';

export interface OpenStore {
  readonly store: Store;
  /** Closes the store and removes its database. */
  close(): Promise<void>;
}

const add = (tx: Tx, name: string, size = 1): Promise<number> =>
  tx.run('insert into things (name, size) values ($1, $2)', name, size);

/** Reads under a lock, and writes what follows from it. */
async function countUp(tx: Tx): Promise<void> {
  const row = await tx.get<{ size: number }>(
    `select size from things where name = 'counter' ${tx.dialect.forUpdate}`,
  );
  await tx.run('update things set size = $1', (row?.size ?? 0) + 1);
}

/** What every engine behind the store interface must do. @param open makes a fresh, empty database. */
export function storeContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`the store on ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      await store.write((tx) => tx.run('create table things (name text primary key, size integer not null)'));
    });
    afterEach(() => opened.close());

    const names = async (): Promise<string[]> =>
      (await store.read.all<{ name: string }>('select name from things order by name')).map(
        (row) => row.name,
      );

    describe('queries', () => {
      it('bind values by number, in any order and more than once', async () => {
        const row = await store.read.get(
          'select cast($2 as text) as b, cast($1 as text) as a, cast($2 as text) as c',
          'one',
          'two',
        );
        expect(row).toMatchObject({ a: 'one', b: 'two', c: 'two' });
      });

      it('say which value is missing', async () => {
        await expect(store.read.get('select $1, $2', 'one')).rejects.toThrow();
      });

      it('answer the rows, the first row or undefined, and the number of rows changed', async () => {
        await store.write(async (tx) => {
          await add(tx, 'a');
          await add(tx, 'b');
          expect(await tx.run('update things set size = 7')).toBe(2);
          expect(await tx.all('select name, size from things order by name')).toEqual([
            expect.objectContaining({ name: 'a', size: 7 }),
            expect.objectContaining({ name: 'b', size: 7 }),
          ]);
          expect(await tx.get('select name from things where size = $1', 8)).toBeUndefined();
        });
      });

      it('keep text, nulls and bytes as they are', async () => {
        const bytes = new Uint8Array([0, 255, 10]);
        await store.write((tx) => tx.run(`create table mixed (t text, n text, b ${store.dialect.bytes})`));
        await store.write((tx) =>
          tx.run('insert into mixed values ($1, $2, $3)', 'Straße 🚢 %', null, bytes),
        );
        const row = await store.read.get<{ t: string; n: null; b: Uint8Array }>('select t, n, b from mixed');
        expect(row).toMatchObject({ t: 'Straße 🚢 %', n: null });
        expect(new Uint8Array(row?.b ?? [])).toEqual(bytes);
      });

      it('answer whole numbers as numbers, whatever their type: integers, serials, counts and sums', async () => {
        await store.write(async (tx) => {
          await tx.run(`create table line (seq ${tx.dialect.serial}, size integer not null)`);
          await tx.run('insert into line (size) values (2000000000), (2000000000)');
        });
        const row = await store.read.get(
          'select min(seq) as first, count(*) as count, sum(size) as sum, sum(size) - min(size) as rest from line',
        );
        expect(row).toMatchObject({ first: 1, count: 2, sum: 4_000_000_000, rest: 2_000_000_000 });
      });

      it('number rows of a serial key upwards and never give a number twice', async () => {
        await store.write((tx) => tx.run(`create table line (seq ${store.dialect.serial}, name text)`));
        const insert = (): Promise<{ seq: number } | undefined> =>
          store.write((tx) => tx.get<{ seq: number }>(`insert into line (name) values ('x') returning seq`));
        const first = await insert();
        const second = await insert();
        await store.write((tx) => tx.run('delete from line'));
        const third = await insert();
        expect(first?.seq).toBeLessThan(second?.seq ?? 0);
        expect(second?.seq).toBeLessThan(third?.seq ?? 0);
      });
    });

    describe('a transaction', () => {
      it('sees its own changes, and nobody else does before the commit', async () => {
        await store.write(async (tx) => {
          await add(tx, 'mine');
          expect(await tx.get('select name from things')).toMatchObject({ name: 'mine' });
          expect(await names()).toEqual([]);
        });
        expect(await names()).toEqual(['mine']);
      });

      it('answers what its work answers', async () => {
        expect(await store.write(async () => 42)).toBe(42);
      });

      it('that throws leaves nothing behind, while its neighbours are stored', async () => {
        const results = await Promise.allSettled([
          store.write((tx) => add(tx, 'before')),
          store.write(async (tx) => {
            await add(tx, 'failed');
            throw new Error('changed its mind');
          }),
          store.write((tx) => add(tx, 'after')),
        ]);
        expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(results[1]).toMatchObject({ reason: { message: 'changed its mind' } });
        expect(await names()).toEqual(['after', 'before']);
      });

      it('is over after a query that failed, even when its work goes on', async () => {
        await store.write((tx) => add(tx, 'taken'));
        const write = store.write(async (tx) => {
          await add(tx, 'half');
          await add(tx, 'taken').catch(() => undefined);
        });
        await expect(write).rejects.toThrow();
        expect(await names()).toEqual(['taken']);
      });

      it('is not a passing trouble of the database when it breaks a constraint', async () => {
        await store.write((tx) => add(tx, 'taken'));
        const [result] = await Promise.allSettled([store.write((tx) => add(tx, 'taken'))]);
        expect(result.status === 'rejected' && !(result.reason instanceof StoreError)).toBe(true);
      });

      it('refuses queries that come after its end', async () => {
        let leaked: Tx | undefined;
        await store.write(async (tx) => {
          leaked = tx;
        });
        await expect(leaked?.run('delete from things')).rejects.toThrow('not awaited');
      });

      it('refuses to wait for another one', async () => {
        const nested = store.write(async (tx) => {
          await add(tx, 'outer');
          await store.write((inner) => add(inner, 'inner'));
        });
        await expect(nested).rejects.toThrow('cannot wait for another');
        expect(await names()).toEqual([]);
        await store.write((tx) => add(tx, 'later'));
        expect(await names()).toEqual(['later']);
      });

      it('keeps the rows that it locked until its end', async () => {
        await store.write((tx) => add(tx, 'counter', 0));
        await Promise.all(Array.from({ length: 100 }, () => store.write(countUp)));
        expect(await store.read.get('select size from things')).toMatchObject({ size: 100 });
      });

      it('never runs interleaved with another one on the same row', async () => {
        await store.write((tx) => add(tx, 'counter', 0));
        await Promise.all(
          Array.from({ length: 600 }, () => store.write((tx) => tx.run('update things set size = size + 1'))),
        );
        expect(await store.read.get('select size from things')).toMatchObject({ size: 600 });
      });
    });

    describe('afterCommit', () => {
      it('runs when the change is visible to everybody', async () => {
        let seen: Promise<string[]> | undefined;
        await store.write(async (tx) => {
          await add(tx, 'kept');
          tx.afterCommit(() => {
            seen = names();
          });
          expect(seen).toBeUndefined();
        });
        expect(await seen).toEqual(['kept']);
      });

      it('is dropped with a transaction that rolls back', async () => {
        let called = false;
        const write = store.write(async (tx) => {
          tx.afterCommit(() => {
            called = true;
          });
          throw new Error('no');
        });
        await expect(write).rejects.toThrow('no');
        expect(called).toBe(false);
      });

      it('that throws harms neither its transaction nor the store', async () => {
        await store.write(async (tx) => {
          await add(tx, 'kept');
          tx.afterCommit(() => {
            throw new Error('defect in a hook');
          });
        });
        await store.write((tx) => add(tx, 'next'));
        expect(await names()).toEqual(['kept', 'next']);
      });
    });

    describe('close', () => {
      it('finishes what was accepted, and may be called twice', async () => {
        const write = store.write(async (tx) => add(tx, 'last'));
        await Promise.all([store.close(), store.close()]);
        expect(await write).toBe(1);
      });

      it('makes later writes and pings fail as a trouble of the database', async () => {
        await store.close();
        await expect(store.write(async () => 1)).rejects.toThrow(StoreError);
        await expect(store.ping()).rejects.toThrow(StoreError);
      });
    });

    describe('migrations', () => {
      const first: Migration = { name: '001-a', statements: () => ['create table a (x integer)'] };
      const second: Migration = { name: '002-b', statements: () => ['create table b (x integer)'] };

      it('are applied once each, in order, and later ones are added', async () => {
        await migrate(store, [first]);
        await migrate(store, [first, second]);
        await migrate(store, [first, second]);
        expect(await store.read.all('select * from b')).toEqual([]);
      });

      it('refuse a database that a newer program has changed', async () => {
        await migrate(store, [first, second]);
        const [refusal] = await Promise.allSettled([migrate(store, [first])]);
        expect(refusal).toMatchObject({ reason: { message: expect.stringContaining('"002-b"') } });
        // Trying again does not help.
        expect(refusal.status === 'rejected' && !(refusal.reason instanceof StoreError)).toBe(true);
      });

      it('that fail leave nothing half done, and run again after the mistake is mended', async () => {
        const wrong: Migration = {
          name: '002-b',
          statements: () => ['create table b (x integer)', 'nonsense'],
        };
        await expect(migrate(store, [first, wrong])).rejects.toThrow();
        await migrate(store, [first, second]);
        expect(await store.read.all('select * from b')).toEqual([]);
      });
    });
  });
}
