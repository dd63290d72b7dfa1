import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreError } from '../../platform/store/errors.ts';
import type { Store, Tx } from '../../platform/store/store.ts';
import type { OpenStore } from './store.ts';

const insert = 'insert into things (name, size) values ($1, $2)';
const add = (tx: Tx, name: string): Promise<number> => tx.run(insert, name, 1);

/** What every engine must do with statements that nobody waits for, and with those that come alone. */
export function statementsContract(name: string, open: () => Promise<OpenStore>): void {
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

    describe('a statement that is sent', () => {
      it('runs after what came before it and before what comes next', async () => {
        await store.write(async (tx) => {
          await add(tx, 'a');
          tx.send('update things set size = 2');
          expect(await tx.get('select size from things')).toMatchObject({ size: 2 });
          tx.send('update things set size = size * 3');
          tx.send('update things set size = size + 1');
        });
        expect(await store.read.get('select size from things')).toMatchObject({ size: 7 });
      });

      it('undoes its transaction when it fails as the last one, and its neighbours stay', async () => {
        await store.write((tx) => add(tx, 'taken'));
        let hooks = 0;
        const failing = store.write(async (tx) => {
          await add(tx, 'half');
          tx.afterCommit(() => (hooks += 1));
          tx.send(insert, 'taken', 1);
          tx.send(insert, 'behind it', 1);
        });
        await Promise.all([
          expect(failing).rejects.toThrow(/unique/i),
          store.write(async (tx) => tx.send(insert, 'neighbour', 1)),
        ]);
        expect(await names()).toEqual(['neighbour', 'taken']);
        expect(hooks).toBe(0);
      });

      it('undoes its transaction whatever the work makes of what fails behind it', async () => {
        await store.write((tx) => add(tx, 'taken'));
        const failing = store.write(async (tx) => {
          tx.send(insert, 'taken', 1);
          await add(tx, 'behind it').catch(() => undefined);
          await tx.get('select 1 as one').catch(() => undefined);
        });
        await expect(failing).rejects.toThrow(/unique/i);
        expect(await names()).toEqual(['taken']);
      });

      it('is refused after the end of its transaction', async () => {
        let leaked: Tx | undefined;
        await store.write(async (tx) => {
          leaked = tx;
        });
        expect(() => leaked?.send('delete from things')).toThrow('is over');
      });
    });

    describe('a transaction of one statement', () => {
      it('answers the rows that it returns, and is stored', async () => {
        const answer = await store.writeOne(`${insert} returning name`, 'one', 1);
        expect(answer).toEqual([expect.objectContaining({ name: 'one' })]);
        expect(await store.writeOne('update things set size = $1', 2)).toEqual([]);
        expect(await store.read.all('select name, size from things')).toMatchObject([
          { name: 'one', size: 2 },
        ]);
      });

      it('that fails harms nobody, and none is taken by a store that is closed', async () => {
        const one = store.writeOne(insert, 'one', 1);
        await expect(one.then(() => store.writeOne(insert, 'one', 1))).rejects.toThrow(/unique/i);
        expect(await names()).toEqual(['one']);
        await store.close();
        await expect(store.writeOne(insert, 'two', 1)).rejects.toThrow(StoreError);
      });
    });
  });
}
