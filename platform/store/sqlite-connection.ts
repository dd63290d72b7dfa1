import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { isNativeError } from 'node:util/types';
import { StoreError } from './errors.ts';
import type { Dialect, SqlValue } from './store.ts';
import type { Runner } from './transaction.ts';

/** Primary result code of a broken constraint: a mistake in the data, which no repetition mends. */
const SQLITE_CONSTRAINT = 19;

export const dialect: Dialect = {
  engine: 'sqlite',
  serial: 'integer primary key autoincrement',
  bytes: 'blob',
  forUpdate: '',
  skipLocked: '',
  hasTable: "select count(*) as found from sqlite_master where type = 'table' and name = $1",
  takeTurn: undefined,
  writersOf: undefined,
};

/** Statements are compiled once; `$n` becomes `?` with the values put in order of appearance. */
export class Connection implements Runner {
  readonly #db: DatabaseSync;
  readonly #compiled = new Map<string, { statement: StatementSync; order: readonly number[] }>();

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 5000 });
    this.#db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on');
    this.#db.exec('pragma journal_size_limit = 16777216');
    // What was erased is overwritten, instead of lying in the file until its page is needed.
    this.#db.exec('pragma secure_delete = on');
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
