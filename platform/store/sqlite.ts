import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../errors.ts';
import { StoreError } from './errors.ts';
import { Connection, dialect } from './sqlite-connection.ts';
import type { Reader, SqlValue, Store, Tx } from './store.ts';
import { Transaction } from './transaction.ts';

/** A commit never waits for more transactions than this. */
const MAX_BATCH = 500;

/**
 * Opens (and creates) a SQLite database: write-ahead log, every commit synced to disk, commits shared by the
 * transactions that wait at the same moment.
 * @param path of the file; its folder is created. `:memory:` is refused, because readers use a second connection.
 * @throws Error naming the file that cannot be opened.
 */
export function openSqlite(path: string): Store {
  if (path === ':memory:') throw new Error('openSqlite needs a file: readers use a connection of their own');
  try {
    // What customers say lies in it: nobody else on the machine has to read that.
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return new SqliteStore(path);
  } catch (error) {
    throw new Error(`the database ${path} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

interface Job {
  run(tx: Transaction): Promise<void>;
  settle(): void;
  fail(error: unknown): void;
}

class SqliteStore implements Store {
  readonly dialect = dialect;
  readonly read: Reader;
  readonly #writer: Connection;
  readonly #reader: Connection;
  #waiting: Job[] = [];
  #flushing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  /** The transaction that the running code belongs to. */
  readonly #current = new AsyncLocalStorage<Transaction>();

  constructor(path: string) {
    this.#writer = new Connection(path);
    this.#reader = new Connection(path);
    this.read = this.#reader;
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('the store is closed'));
    if (this.#current.getStore()?.over === false) {
      return Promise.reject(new Error('a transaction cannot wait for another one: use its tx'));
    }
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#waiting.push({
        run: async (tx) => {
          result = await work(tx);
        },
        settle: () => resolve(result),
        fail: reject,
      });
      this.#flushing ??= this.#flush();
    });
  }

  writeOne<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    return this.write((tx) => tx.all<Row>(sql, ...values));
  }

  /** The folder belongs to this process: nobody else is there. */
  alone<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.write(work);
  }

  async ping(): Promise<void> {
    await this.read.get('select 1 as one');
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    await this.#flushing;
    this.#writer.close();
    this.#reader.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One commit per turn of the event loop: whoever arrives while one is being written shares the next. */
  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise((resume) => setImmediate(resume));
      await this.#commit(this.#waiting.splice(0, MAX_BATCH));
    }
    this.#flushing = undefined;
  }

  async #commit(batch: readonly Job[]): Promise<void> {
    const done: { readonly job: Job; readonly tx: Transaction }[] = [];
    try {
      this.#writer.exec('begin immediate');
      for (const job of batch) {
        const tx = new Transaction(dialect, this.#writer);
        if (await this.#runInSavepoint(job, tx)) done.push({ job, tx });
      }
      this.#writer.exec('commit');
    } catch (error) {
      this.#writer.rollback();
      for (const job of batch) job.fail(error);
      return;
    }
    for (const { job } of done) job.settle();
    for (const { tx } of done) tx.runHooks();
  }

  async #runInSavepoint(job: Job, tx: Transaction): Promise<boolean> {
    this.#writer.exec('savepoint job');
    try {
      await this.#current.run(tx, () => job.run(tx));
      await tx.settled();
      this.#writer.exec('release job');
      return true;
    } catch (error) {
      this.#writer.exec('rollback to job');
      this.#writer.exec('release job');
      job.fail(error);
      return false;
    } finally {
      tx.over = true;
    }
  }
}
