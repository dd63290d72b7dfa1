import { messageOf } from '../errors.ts';
import type { Dialect, Reader, SqlValue, Tx } from './store.ts';

/** What runs the queries of a transaction. */
export interface Runner extends Reader {
  run(sql: string, ...values: readonly SqlValue[]): Promise<number>;
}

/** A transaction as its work sees it, whatever the engine. */
export class Transaction implements Tx {
  readonly dialect: Dialect;
  /** Set when its work is done: a query that comes later was not awaited. */
  over = false;
  readonly #runner: Runner;
  readonly #hooks: (() => void)[] = [];
  readonly #sent: Promise<unknown>[] = [];
  /** Of the query that failed first: those behind it fail only because of it. */
  #failure: unknown;

  constructor(dialect: Dialect, runner: Runner) {
    this.dialect = dialect;
    this.#runner = runner;
  }

  all<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    return this.#query(() => this.#runner.all<Row>(sql, ...values));
  }

  get<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined> {
    return this.#query(() => this.#runner.get<Row>(sql, ...values));
  }

  run(sql: string, ...values: readonly SqlValue[]): Promise<number> {
    return this.#query(() => this.#runner.run(sql, ...values));
  }

  send(sql: string, ...values: readonly SqlValue[]): void {
    this.#refuseOver();
    this.#sent.push(this.run(sql, ...values).catch(() => undefined));
  }

  afterCommit(hook: () => void): void {
    this.#hooks.push(hook);
  }

  /** Resolves when what was sent has run. @throws the error of a query that failed. */
  async settled(): Promise<void> {
    if (this.#sent.length > 0) await Promise.all(this.#sent);
    this.refuseFailed();
  }

  /** A failed query ends its transaction on every engine, even when the work goes on. */
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

  #refuseOver(): void {
    if (this.over) throw new Error('this transaction is over: a query was not awaited');
  }

  async #query<T>(query: () => Promise<T>): Promise<T> {
    this.#refuseOver();
    this.refuseFailed();
    try {
      return await query();
    } catch (error) {
      this.#failure ??= error;
      throw this.#failure;
    }
  }
}
