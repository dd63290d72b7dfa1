import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { documents, writeOrRetry, type Versioned } from '../../platform/store/documents.ts';
import { ConflictError } from '../../platform/store/errors.ts';
import type { Store } from '../../platform/store/store.ts';
import type { OpenStore } from './store.ts';

/** What documents must do on every engine. @param open makes a fresh, empty database. */
export function documentsContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`documents on ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    interface Thing extends Versioned {
      readonly id: string;
      readonly colour: string;
    }
    const things = documents<Thing>('docs', 'id', (thing) => thing.id, { colour: (thing) => thing.colour });
    const red: Thing = { id: 'a', version: 0, colour: 'red' };
    beforeEach(() =>
      store.write((tx) =>
        tx.run(
          'create table docs (id text primary key, version integer not null, body text not null, colour text not null)',
        ),
      ),
    );

    it('come back as they were saved, with their version counted up', async () => {
      await store.write((tx) => things.save(tx, red));
      expect(await things.find(store.read, 'a')).toEqual({ ...red, version: 1 });
      await store.write(async (tx) => {
        const found = await things.find(tx, 'a');
        if (found) await things.save(tx, { ...found, colour: 'blue' });
      });
      expect(await things.select(store.read, 'colour = $1', 'blue')).toEqual([
        { id: 'a', colour: 'blue', version: 2 },
      ]);
      expect(await things.select(store.read, 'colour = $1', 'red')).toEqual([]);
      expect(await things.find(store.read, 'b')).toBeUndefined();
    });

    it('refuse a change of a version that is no longer there', async () => {
      await store.write((tx) => things.save(tx, red));
      await store.write((tx) => things.save(tx, { ...red, version: 1, colour: 'blue' }));
      const late = store.write((tx) => things.save(tx, { ...red, version: 1, colour: 'green' }));
      await expect(late).rejects.toThrow(ConflictError);
      expect(await things.find(store.read, 'a')).toMatchObject({ colour: 'blue' });
    });

    it('refuse to be made twice', async () => {
      await store.write((tx) => things.save(tx, red));
      await expect(store.write((tx) => things.save(tx, red))).rejects.toThrow(ConflictError);
    });

    it('are decided again from the start after a conflict', async () => {
      await store.write((tx) => things.save(tx, red));
      let tries = 0;
      await writeOrRetry(store, async (tx) => {
        tries += 1;
        const found = await things.find(tx, 'a');
        const version = tries === 1 ? 7 : (found?.version ?? 0);
        await things.save(tx, { ...red, version, colour: 'blue' });
      });
      expect(tries).toBe(2);
      expect(await things.find(store.read, 'a')).toMatchObject({ colour: 'blue', version: 2 });
    });

    it('give up after some conflicts, instead of trying for ever', async () => {
      const hopeless = writeOrRetry(store, (tx) => things.save(tx, { ...red, version: 7 }));
      await expect(hopeless).rejects.toThrow(ConflictError);
    });
  });
}
