import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isNativeError } from 'node:util/types';
import { messageOf } from '../errors.ts';
import { StoreError } from './errors.ts';
import type { Dialect, Reader, SqlValue, Tx } from './store.ts';

/** Primary result code of a broken constraint: a mistake in the data, which no repetition mends. */
const SQLITE_CONSTRAINT = 19;

export const dialect: Dialect = {
  engine: 'sqlite',
  serial: 'integer primary key autoincrement',
  bytes: 'blob',
  forUpdate: '',
  skipLocked: '',
};

/** Statements are compiled once; `$n` becomes `?` with the values put in order of appearance. */
export class Connection implements Reader {
  readonly #db: DatabaseSync;
  readonly #compiled = new Map<string, { statement: StatementSync; order: readonly number[] }>();

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 5000 });
    this.#db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on');
    this.#db.exec('pragma journal_size_limit = 16777216');
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
    try {
      this.#prepare(sql, [], (statement) => statement.run());
    } catch (error) {
      throw asStoreError(error);
    }
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

/** A transaction on a shared connection, inside a savepoint of its own. */
export class SqliteTx implements Tx {
  readonly dialect = dialect;
  /** Set when its work is done: a query that comes later was not awaited. */
  over = false;
  readonly #connection: Connection;
  readonly #hooks: (() => void)[] = [];
  #failure: unknown;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  all<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    return this.#query(() => this.#connection.all<Row>(sql, ...values));
  }

  get<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined> {
    return this.#query(() => this.#connection.get<Row>(sql, ...values));
  }

  run(sql: string, ...values: readonly SqlValue[]): Promise<number> {
    return this.#query(() => this.#connection.run(sql, ...values));
  }

  afterCommit(hook: () => void): void {
    this.#hooks.push(hook);
  }

  /** A failed query ends its transaction, as it does on PostgreSQL, even when the work goes on. */
  refuseFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** One that throws is a defect, but what it belongs to is on disk already. */
  runHooks(): void {
    for (const hook of this.#hooks) {
      try {
        hook();
      } catch (error) {
        process.emitWarning(`a hook failed after its commit: ${messageOf(error)}`);
      }
    }
  }

  async #query<T>(query: () => Promise<T>): Promise<T> {
    if (this.over) throw new Error('this transaction is over: a query was not awaited');
    this.refuseFailed();
    try {
      return await query();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}

function settled<T>(query: () => T): Promise<T> {
  try {
    return Promise.resolve(query());
  } catch (error) {
    return Promise.reject(asStoreError(error));
  }
}

function asStoreError(error: unknown): unknown {
  if (!isNativeError(error) || !('code' in error)) return error;
  const passing =
    error.code === 'ERR_INVALID_STATE' || (error.code === 'ERR_SQLITE_ERROR' && !isConstraint(error));
  return passing ? new StoreError(error.message, { cause: error }) : error;
}

function isConstraint(error: Error): boolean {
  return 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_CONSTRAINT;
}
