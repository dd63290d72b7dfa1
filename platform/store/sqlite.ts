import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Dialect, Reader, SqlValue, Store, Tx } from './store.ts';

const dialect: Dialect = {
  engine: 'sqlite',
  serial: 'integer primary key autoincrement',
  bytes: 'blob',
  skipLocked: '',
};

/** A commit never waits for more transactions than this. */
const MAX_BATCH = 500;

/**
 * Opens (and creates) a SQLite database: write-ahead log, every commit synced to disk, commits shared by the
 * transactions that wait at the same moment.
 * @param path of the file; its folder is created. `:memory:` is refused, because readers use a second connection.
 */
export function openSqlite(path: string): Store {
  if (path === ':memory:') throw new Error('openSqlite needs a file: readers use a connection of their own');
  mkdirSync(dirname(path), { recursive: true });
  return new SqliteStore(path);
}

interface Job {
  run(tx: SqliteTx): Promise<void>;
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
  #closed = false;

  constructor(path: string) {
    this.#writer = new Connection(path);
    this.#reader = new Connection(path);
    this.read = this.#reader;
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
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

  async ping(): Promise<void> {
    await this.read.get('select 1 as one');
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
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
    const done: Job[] = [];
    const hooks: (() => void)[] = [];
    try {
      this.#writer.exec('begin immediate');
      for (const job of batch) {
        const tx = new SqliteTx(this.#writer);
        if (await this.#runInSavepoint(job, tx)) {
          done.push(job);
          hooks.push(...tx.hooks);
        }
      }
      this.#writer.exec('commit');
    } catch (error) {
      this.#writer.rollback();
      for (const job of batch) job.fail(error);
      return;
    }
    for (const job of done) job.settle();
    for (const hook of hooks) hook();
  }

  async #runInSavepoint(job: Job, tx: SqliteTx): Promise<boolean> {
    this.#writer.exec('savepoint job');
    try {
      await job.run(tx);
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

/** Statements are compiled once; `$n` becomes `?` with the values put in order of appearance. */
class Connection implements Reader {
  readonly #db: DatabaseSync;
  readonly #compiled = new Map<string, { statement: StatementSync; order: readonly number[] }>();

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 5000 });
    this.#db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on');
    this.#db.exec('pragma cache_size = -4000; pragma journal_size_limit = 16777216');
  }

  all<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    return settled(() => this.#prepare(sql, values, (statement, bound) => statement.all(...bound)) as Row[]);
  }

  get<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined> {
    return settled(
      () => this.#prepare(sql, values, (statement, bound) => statement.get(...bound)) as Row | undefined,
    );
  }

  run(sql: string, ...values: readonly SqlValue[]): Promise<number> {
    return settled(() =>
      this.#prepare(sql, values, (statement, bound) => Number(statement.run(...bound).changes)),
    );
  }

  exec(sql: string): void {
    this.#prepare(sql, [], (statement) => statement.run());
  }

  rollback(): void {
    if (this.#db.isTransaction) this.#db.exec('rollback');
  }

  close(): void {
    this.#compiled.clear();
    this.#db.close();
  }

  #prepare<T>(sql: string, values: readonly SqlValue[], use: (s: StatementSync, bound: SqlValue[]) => T): T {
    let entry = this.#compiled.get(sql);
    if (!entry) {
      const order: number[] = [];
      const text = sql.replace(/\$(\d+)/g, (_, n: string) => {
        order.push(Number(n) - 1);
        return '?';
      });
      entry = { statement: this.#db.prepare(text), order };
      this.#compiled.set(sql, entry);
    }
    const bound = entry.order.map((index) => {
      const value = values[index];
      if (value === undefined) throw new Error(`no value for $${index + 1} in: ${sql}`);
      return value;
    });
    return use(entry.statement, bound);
  }
}

class SqliteTx implements Tx {
  readonly hooks: (() => void)[] = [];
  over = false;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  all<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    return this.#open().all<Row>(sql, ...values);
  }

  get<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined> {
    return this.#open().get<Row>(sql, ...values);
  }

  run(sql: string, ...values: readonly SqlValue[]): Promise<number> {
    return this.#open().run(sql, ...values);
  }

  afterCommit(hook: () => void): void {
    this.hooks.push(hook);
  }

  #open(): Connection {
    if (this.over) throw new Error('this transaction is over: a query was not awaited');
    return this.#connection;
  }
}

function settled<T>(query: () => T): Promise<T> {
  try {
    return Promise.resolve(query());
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}
