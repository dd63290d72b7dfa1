/**
 * What a service needs of a database. Two engines stand behind it; SQL is written once, in the subset they share,
 * with `$1` placeholders, times as ISO 8601 text in UTC, JSON as text, and flags as 0 or 1.
 */

/** A value that both engines can bind. */
export type SqlValue = string | number | null | Uint8Array;

/**
 * Runs queries. Rows are plain objects keyed by column name. Whole numbers come as numbers, whatever the engine calls
 * their type: an integer or serial column, `count(*)`, `sum(...)`.
 */
export interface Reader {
  /** All rows of a query. */
  all<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]>;
  /** The first row of a query, or `undefined` when there is none. */
  get<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row | undefined>;
}

/** A transaction. A function that must run inside one takes a `Tx`, never a `Store`. */
export interface Tx extends Reader {
  readonly dialect: Dialect;
  /** Runs a statement and answers the number of rows it changed. */
  run(sql: string, ...values: readonly SqlValue[]): Promise<number>;
  /**
   * Runs a statement that nobody waits for, after what came before and before what comes next: over a network it goes
   * along with the next one or the commit. One that fails fails the transaction.
   */
  send(sql: string, ...values: readonly SqlValue[]): void;
  /** Runs `hook` once the transaction is durable; it is dropped when the transaction rolls back. */
  afterCommit(hook: () => void): void;
}

/** Where the two engines need different words. A service never branches on the engine: it uses these. */
export interface Dialect {
  readonly engine: 'sqlite' | 'postgres';
  /** Column type of an ever-growing primary key. */
  readonly serial: string;
  /** Column type of raw bytes. */
  readonly bytes: string;
  /** Locks the rows of a select until the end of the transaction; empty where a single writer makes it needless. */
  readonly forUpdate: string;
  /** Like `forUpdate`, for a claim: rows that somebody else has locked are left out. */
  readonly skipLocked: string;
  /** Query for whether (`found`) there is a table `$1`. */
  readonly hasTable: string;
  /** Query that waits until `$1`, a number, is this transaction's alone; undefined where all wait for each other. */
  readonly takeTurn: string | undefined;
  /** Query for the transactions (`writer`) that write to the table `$1` just now; undefined where none overlap. */
  readonly writersOf: string | undefined;
}

/** A database that one service owns. */
export interface Store extends AsyncDisposable {
  readonly dialect: Dialect;
  /** Queries outside a transaction: they see committed data only. */
  readonly read: Reader;
  /**
   * Runs `work` in a transaction and resolves after its commit is on disk. `work` awaits nothing but its `tx`: other
   * work would hold up everybody's commit, and a nested `write`, which may wait for itself, is refused. `work` may run
   * more than once, each time in a fresh transaction, when the engine breaks off one of several in each other's way.
   * A query that fails ends its transaction, whatever `work` makes of the error.
   * @throws whatever `work` throws; its changes are rolled back, those of its neighbours are not.
   * @throws StoreError when the database cannot take it just now, or is closed.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * A transaction of one statement: `write` with less to say to the database.
   * @returns the rows that it returns.
   * @throws StoreError as `write` does.
   */
  writeOne<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]>;
  /**
   * Like `write`, but alone among all processes that use this database, and without a limit on the time a statement
   * takes: for changes of the schema. Waits while another process is at it.
   */
  alone<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Resolves when the database answers. @throws StoreError when it does not, or not soon. */
  ping(): Promise<void>;
  /** Finishes what was accepted, then closes. */
  close(): Promise<void>;
}
