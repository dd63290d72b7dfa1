import { describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqlite } from '../../../platform/store/sqlite.ts';
import { documentsContract } from '../../contract/documents.ts';
import { storeContract, type OpenStore } from '../../contract/store.ts';
import { statementsContract } from '../../contract/statements.ts';
import { tasksContract } from '../../contract/tasks.ts';

async function folder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'tradewind-store-'));
}

async function open(): Promise<OpenStore> {
  const path = await folder();
  const store = openSqlite(join(path, 'deep', 'store.sqlite'));
  return {
    store,
    async close() {
      await store.close();
      await rm(path, { recursive: true });
    },
  };
}

/** Moves everything from the write-ahead log to the file. */
function flush(file: string): void {
  const db = new DatabaseSync(file);
  db.exec('pragma wal_checkpoint(truncate)');
  db.close();
}

storeContract('SQLite', open);
statementsContract('SQLite', open);
documentsContract('SQLite', open);
tasksContract('SQLite', open);

describe('SQLite', () => {
  it('refuses a database in memory, where readers would see another one', () => {
    expect(() => openSqlite(':memory:')).toThrow('needs a file');
  });

  it('syncs every commit to disk', async () => {
    const path = await folder();
    await using store = openSqlite(join(path, 'store.sqlite'));
    const { synchronous, mode } = await store.write(async (tx) => ({
      synchronous: await tx.get('pragma synchronous'),
      mode: await tx.get('pragma journal_mode'),
    }));
    expect(synchronous).toMatchObject({ synchronous: 2 });
    expect(mode).toMatchObject({ journal_mode: 'wal' });
    await store.close();
    await rm(path, { recursive: true });
  });

  it('leaves nothing of what was erased in its file', async () => {
    const path = await folder();
    const file = join(path, 'store.sqlite');
    await using store = openSqlite(file);
    await store.write((tx) => tx.run('create table texts (id integer primary key, text text)'));
    // One that shares its page with others, and one with pages of its own.
    for (const text of ['Deichweg 3', `Hafenstraße 12${'x'.repeat(20_000)}`, 'stays']) {
      await store.write((tx) => tx.run('insert into texts (text) values ($1)', text));
    }
    flush(file);
    expect((await readFile(file)).includes('Deichweg')).toBe(true);
    await store.write((tx) => tx.run("update texts set text = '' where id = 1"));
    await store.write((tx) => tx.run('delete from texts where id = 2'));
    flush(file);
    const bytes = await readFile(file);
    expect(['Deichweg', 'Hafenstraße', 'xxxx'].filter((text) => bytes.includes(text))).toEqual([]);
    expect(bytes.includes('stays')).toBe(true);
    await store.close();
    await rm(path, { recursive: true });
  });

  it('fails a batch that cannot be committed as a whole, and takes the next one', async () => {
    const path = await folder();
    await using store = openSqlite(join(path, 'store.sqlite'));
    await store.write(async (tx) => {
      await tx.run('create table parents (id integer primary key)');
      await tx.run(
        'create table children (parent integer references parents (id) deferrable initially deferred)',
      );
    });
    const results = await Promise.allSettled([
      store.write((tx) => tx.run('insert into parents (id) values (1)')),
      store.write((tx) => tx.run('insert into children (parent) values (99)')),
    ]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect(await store.write((tx) => tx.run('insert into parents (id) values (2)'))).toBe(1);
    expect(await store.read.all('select id from parents')).toMatchObject([{ id: 2 }]);
    await store.close();
    await rm(path, { recursive: true });
  });
});
