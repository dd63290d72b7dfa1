import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgres } from '../../../platform/store/postgres.ts';
import type { Reader, Store } from '../../../platform/store/store.ts';
import { Watermark } from '../../../platform/store/watermark.ts';
import { openTestData, postgresOptions, type TestData } from '../../support/data.ts';
import { until } from '../../support/until.ts';

/** A transaction that has written a row, and waits for a word to commit. */
interface Open {
  commit(): Promise<void>;
}

describe('a watermark', () => {
  let data: TestData;
  let store: Store;
  let mark: Watermark;
  beforeEach(async () => {
    data = await openTestData('watermark');
    store = await openPostgres(postgresOptions(data.env['DATABASE_URL'] ?? ''));
    await store.write(async (tx) => {
      await tx.run(`create table entries (seq ${tx.dialect.serial}, text text not null)`);
      await tx.run(`create table others (seq ${tx.dialect.serial}, text text not null)`);
    });
    mark = new Watermark(store.read, store.dialect, 'entries');
  });
  afterEach(async () => {
    await store.close();
    await data.remove();
  });

  async function begin(table = 'entries'): Promise<Open> {
    const word = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const done = store.write(async (tx) => {
      await tx.run(`insert into ${table} (text) values ('x')`);
      written.resolve();
      await word.promise;
    });
    await written.promise;
    return {
      async commit() {
        word.resolve();
        await done;
      },
    };
  }
  /** Tells of each look: it begins with the highest number. */
  function countingReader(onLook: () => void): Reader {
    return {
      all: (sql, ...values) => store.read.all(sql, ...values),
      get(sql, ...values) {
        onLook();
        return store.read.get(sql, ...values);
      },
    };
  }
  const write = async (): Promise<void> => (await begin()).commit();

  it('stands at the highest number while nobody writes', async () => {
    expect(await mark.look()).toEqual({ upTo: 0, waits: false });
    await write();
    await write();
    expect(await mark.look()).toEqual({ upTo: 2, waits: false });
  });

  it('stands below the number of whoever has not committed yet', async () => {
    await write();
    const early = await begin();
    await write();
    expect(await mark.look()).toEqual({ upTo: 0, waits: true });
    expect(await mark.look()).toEqual({ upTo: 0, waits: true });
    await early.commit();
    expect(await mark.look()).toEqual({ upTo: 3, waits: false });
  });

  it('is looked for once by all who ask at the same time, and each look begins after the question', async () => {
    let looks = 0;
    mark = new Watermark(
      countingReader(() => (looks += 1)),
      store.dialect,
      'entries',
    );
    const first = mark.look();
    await write();
    const later = await Promise.all(Array.from({ length: 50 }, () => mark.look()));
    await first;
    expect(later.every(({ upTo }) => upTo === 1)).toBe(true);
    expect(looks).toBeLessThanOrEqual(2);
  });

  it('has a present for who begins now, below the numbers of whoever is at work', async () => {
    await write();
    expect(await mark.present()).toBe(1);
    const early = await begin();
    await write();
    expect(await mark.present()).toBe(1);
    await early.commit();
    expect(await mark.present()).toBe(3);
  });

  it('that was never found has a present all the same: not the beginning of all', async () => {
    await write();
    const early = await begin();
    await write();
    expect(await mark.present(50)).toBe(3);
    const waiting = mark.present();
    await early.commit();
    expect(await waiting).toBe(3);
  });

  it('keeps up by itself, so that its present is not the one of long ago', async () => {
    const ended = new AbortController();
    let looks = 0;
    mark = new Watermark(
      countingReader(() => (looks += 1)),
      store.dialect,
      'entries',
    );
    await mark.keepUp(5, ended.signal);
    await write();
    await write();
    const before = looks;
    await until('it has looked twice more', () => looks > before + 1);
    const busy = await begin();
    expect(await mark.present()).toBe(2);
    ended.abort();
    await busy.commit();
  });

  it('goes on while somebody is always at work', async () => {
    let next = await begin();
    await write();
    for (let round = 0; round < 5; round += 1) {
      await mark.look();
      const before = next;
      next = await begin();
      await before.commit();
    }
    const { upTo, waits } = await mark.look();
    expect(waits).toBe(true);
    expect(upTo).toBeGreaterThan(2);
    await next.commit();
  });

  it('does not wait for those who write elsewhere', async () => {
    const other = await begin('others');
    await write();
    expect(await mark.look()).toEqual({ upTo: 1, waits: false });
    await other.commit();
  });

  it('never passes a row by, whatever commits when, and however many look at once', async () => {
    const told: number[] = [];
    let at = 0;
    const read = async (): Promise<void> => {
      const [{ upTo }] = await Promise.all([mark.look(), mark.look(), mark.look()]);
      const rows = await store.read.all<{ seq: number }>(
        'select seq from entries where seq > $1 and seq <= $2 order by seq',
        at,
        upTo,
      );
      told.push(...rows.map(({ seq }) => seq));
      at = told.at(-1) ?? 0;
    };
    const writing = new Set([1, 2, 3, 4, 5, 6]);
    const writer = async (name: number): Promise<void> => {
      for (let n = 0; n < 40; n += 1) {
        const open = await begin();
        await new Promise((resume) => setTimeout(resume, Math.random() * 4));
        await open.commit();
      }
      writing.delete(name);
    };
    const writers = [...writing].map(writer);
    while (writing.size > 0) await read();
    await Promise.all(writers);
    await until('the last one was read', async () => {
      await read();
      return told.length >= 240;
    });
    expect(told).toEqual(Array.from({ length: 240 }, (_, index) => index + 1));
  });
});
