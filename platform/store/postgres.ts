import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { escapeIdentifier, Pool, type Client, type ClientConfig, type PoolClient } from 'pg';
import { messageOf } from '../errors.ts';
import { StoreError } from './errors.ts';
import {
  configOf,
  Connection,
  dialect,
  LIFETIME_SECONDS,
  type PostgresOptions,
} from './postgres-connection.ts';
import { dial } from './postgres-dial.ts';
import { asStoreError, isBrokenOff, isLocked } from './postgres-errors.ts';
import { isPooledByTransaction, lockTimeoutOf, settle, settleAlone } from './postgres-session.ts';
import { Sentry } from './postgres-sentry.ts';
import type { Reader, SqlValue, Store, Tx } from './store.ts';
import { Transaction } from './transaction.ts';

export type { PostgresOptions } from './postgres-connection.ts';

/** How often a transaction is run that others get in the way of. */
const MAX_TRIES = 5;
const FIRST_PAUSE_MS = 5;

/** A service may be started before its database: it waits this long. */
const START_PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 300;

/** What the server keeps of a name, in bytes. */
const LONGEST_NAME = 63;

/** First half of the key of the lock that guards a schema; the second half is made from its name. */
const SCHEMA_LOCK = 0x7472_6164;

/**
 * Opens a PostgreSQL database: one schema of it, over a pool of connections that are made when they are needed, and
 * made again after they were lost.
 * @param onWait hears what is waited for: at the start the database, for half a minute, and before a change of the
 * schema another process.
 * @throws Error when the database refuses (password, rights, name), or is behind a pooler that gives a session away after
 * each transaction; StoreError when it did not answer in that time.
 */
export async function openPostgres(
  options: PostgresOptions,
  onWait: (reason: string) => void = () => undefined,
): Promise<Store> {
  const store = new PostgresStore(options, onWait);
  const end = performance.now() + START_PATIENCE_MS;
  for (let isFirst = true; ; isFirst = false) {
    try {
      await store.refuseTransactionPooler();
      await store.createSchema();
      store.isOpen = true;
      return store;
    } catch (error) {
      if (!(error instanceof StoreError) || performance.now() > end) {
        await store.close();
        throw error;
      }
      if (isFirst) onWait(`the database does not answer: ${error.message}`);
      await sleep(LOOK_AGAIN_MS);
    }
  }
}

class PostgresStore implements Store {
  readonly dialect = dialect;
  readonly read: Reader;
  readonly #options: PostgresOptions;
  readonly #onWait: (reason: string) => void;
  readonly #config: ClientConfig;
  readonly #pool: Pool;
  readonly #sentry: Sentry;
  /** Whether it was there once. */
  isOpen = false;
  readonly #atWork = new Set<Promise<unknown>>();
  /** The transaction that the running code belongs to. */
  readonly #current = new AsyncLocalStorage<Transaction>();
  #closed: Promise<void> | undefined;

  constructor(options: PostgresOptions, onWait: (reason: string) => void) {
    if (Buffer.byteLength(options.schema) > LONGEST_NAME)
      throw new Error(`the schema "${options.schema}" has a name of more than ${LONGEST_NAME} bytes`);
    this.#options = options;
    this.#onWait = onWait;
    this.#config = configOf(options);
    this.#pool = new Pool({
      ...this.#config,
      max: options.poolSize,
      maxLifetimeSeconds: LIFETIME_SECONDS,
      // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it, whatever its types say
      onConnect: (client) => settle(client, options),
    });
    this.#sentry = new Sentry(this.#config, options);
    this.read = {
      all: (sql, ...values) => this.#all(sql, values),
      get: (sql, ...values) => this.#get(sql, values),
    };
    // A connection that is lost says so by an event, which ends the process when nobody listens. The next query tells.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#accept(() => this.#repeat(() => this.#writeOnce(work)));
  }

  writeOne<Row>(sql: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    return this.#accept(() => this.#repeat(() => this.#query<Row>(sql, values)));
  }

  alone<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#accept(async () => {
      const { client, hangUp } = dial({ ...this.#config, query_timeout: 0 });
      try {
        await inOurWords(client.connect().then(() => settleAlone(client, this.#options)));
        return await this.#insist(client, work);
      } finally {
        await hangUp();
      }
    });
  }

  async ping(): Promise<void> {
    if (this.#closed) throw new StoreError('the store is closed');
    await inOurWords(this.#sentry.look());
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Two programs that start together must not make it twice; one without the right to may use it all the same. */
  async createSchema(): Promise<void> {
    const { schema } = this.#options;
    const find = 'select 1 as one from pg_namespace where nspname = $1';
    // Whoever changes what is in it for long keeps the lock.
    if (await this.read.get(find, schema)) return;
    await this.write(async (tx) => {
      await tx.run('select pg_advisory_xact_lock($1, hashtext($2))', SCHEMA_LOCK, schema);
      if (!(await tx.get(find, schema))) await tx.run(`create schema ${escapeIdentifier(schema)}`);
    });
  }

  /** @throws Error when what is set for a connection would be another one's: its schema, its statements, its locks */
  async refuseTransactionPooler(): Promise<void> {
    const clients = await this.#connectTwo();
    try {
      const [one, other] = clients;
      if (!one || !other || !(await inOurWords(isPooledByTransaction(one, other)))) return;
    } finally {
      for (const client of clients) client.release();
    }
    throw new Error(
      'configuration: DATABASE_URL leads to a pooler that gives a session away after each transaction: use its address for whole sessions, or that of the server itself',
    );
  }

  async #connectTwo(): Promise<readonly PoolClient[]> {
    const tries = await Promise.allSettled([this.#pool.connect(), this.#pool.connect()]);
    const clients = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = tries.find((each) => each.status === 'rejected');
    if (!failed) return clients;
    for (const client of clients) client.release();
    throw asStoreError(failed.reason);
  }

  async #finish(): Promise<void> {
    await Promise.allSettled(this.#atWork);
    await Promise.all([this.#pool.end(), this.#sentry.close()]);
  }

  async #all<Row>(sql: string, values: readonly SqlValue[]): Promise<Row[]> {
    if (this.#closed) throw new StoreError('the store is closed');
    return this.#untilClosed(this.#query<Row>(sql, values));
  }

  async #get<Row>(sql: string, values: readonly SqlValue[]): Promise<Row | undefined> {
    return (await this.#all<Row>(sql, values))[0];
  }

  #accept<T>(start: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('the store is closed'));
    if (this.#current.getStore()?.over === false) {
      return Promise.reject(new Error('a transaction cannot wait for another one: use its tx'));
    }
    return this.#untilClosed(start());
  }

  /** What was accepted is over before the store closes. */
  #untilClosed<T>(work: Promise<T>): Promise<T> {
    const accepted = work.finally(() => this.#atWork.delete(accepted));
    this.#atWork.add(accepted);
    return accepted;
  }

  async #repeat<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isBrokenOff(error) || tries === MAX_TRIES) throw error;
        // Those that met meet again when they come back at the same moment.
        await sleep(FIRST_PAUSE_MS * 2 ** tries * Math.random());
      }
    }
  }

  async #writeOnce<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    const connection = new Connection(client);
    try {
      return await this.#transact(connection, work);
    } finally {
      client.release(connection.isBroken);
    }
  }

  /** Once it was there, whatever keeps anybody out may pass: a password may be changed on both sides, one after the other. */
  #connect(): Promise<PoolClient> {
    return this.#pool.connect().catch((error: unknown) => {
      throw this.isOpen ? new StoreError(messageOf(error), { cause: error }) : asStoreError(error);
    });
  }

  /** Outside a transaction. */
  async #query<Row>(sql: string, values: readonly SqlValue[]): Promise<Row[]> {
    const client = await this.#connect();
    const connection = new Connection(client);
    try {
      return await connection.all<Row>(sql, ...values);
    } finally {
      client.release(connection.isBroken);
    }
  }

  async #transact<T>(connection: Connection, work: (tx: Tx) => Promise<T>): Promise<T> {
    const tx = new Transaction(dialect, connection);
    let result: T;
    try {
      await connection.run('begin isolation level read committed');
      result = await this.#current.run(tx, () => work(tx));
      tx.refuseFailed();
      tx.over = true;
      // Right behind what was sent: the server undoes all of it when one of that fails, and that is the error to tell.
      const committed = connection.commit();
      committed.catch(() => undefined);
      await tx.settled();
      await committed;
    } catch (error) {
      tx.over = true;
      await connection.rollback();
      throw error;
    }
    tx.runHooks();
    return result;
  }

  /** Alone in the schema, as soon as nobody else is; what must wait for a table for long begins anew. */
  async #insist<T>(client: Client, work: (tx: Tx) => Promise<T>): Promise<T> {
    const lock = 'select pg_try_advisory_xact_lock($1, hashtext($2)) as "isMine"';
    for (let told = ''; ;) {
      if (this.#closed) throw new StoreError('the store is closed');
      try {
        return await this.#transact(new Connection(client), async (tx) => {
          const row = await tx.get<{ isMine: boolean }>(lock, SCHEMA_LOCK, this.#options.schema);
          if (!row?.isMine) throw new Occupied('another process is changing the schema');
          return await work(tx);
        });
      } catch (error) {
        if (!(error instanceof Occupied) && !isLocked(error)) throw error;
        if (messageOf(error) !== told) this.#onWait((told = messageOf(error)));
        // All others wait behind whoever waits for a table: most of the time it has to be theirs.
        await sleep(isLocked(error) ? 4 * lockTimeoutOf(this.#options) : LOOK_AGAIN_MS);
      }
    }
  }
}

/** Somebody else is at it. */
class Occupied extends Error {}

function inOurWords<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw asStoreError(error);
  });
}
