import { Client, type ClientConfig } from 'pg';
import { StoreError } from './errors.ts';
import type { PostgresOptions } from './postgres-connection.ts';
import { check, settle } from './postgres-session.ts';

/** Whoever asks whether the database is there does not wait long for the answer. */
const LONGEST_MS = 2000;

/**
 * Tells whether a database is there, over a connection of its own: that all others are at work, or wait for one row, does not
 * mean that it is away.
 */
export class Sentry {
  readonly #config: ClientConfig;
  readonly #options: PostgresOptions;
  #client: Promise<Client> | undefined;
  #looking: Promise<void> | undefined;

  constructor(config: ClientConfig, options: PostgresOptions) {
    this.#config = { ...config, connectionTimeoutMillis: LONGEST_MS, query_timeout: LONGEST_MS };
    this.#options = options;
  }

  /** @throws Error when nobody answers soon, or the server only reads */
  async look(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new StoreError(`no answer within ${LONGEST_MS / 1000} s`)),
      LONGEST_MS,
    );
    // Who comes meanwhile hears the same.
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    try {
      await Promise.race([this.#looking, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.end();
  }

  async #look(): Promise<void> {
    const connecting = (this.#client ??= this.#connect());
    try {
      await check(await connecting);
    } catch (error) {
      // The next one leads to whatever server is right then.
      this.#client = undefined;
      void connecting.then((client) => client.end()).catch(() => undefined);
      throw error;
    }
  }

  async #connect(): Promise<Client> {
    const client = new Client(this.#config);
    client.on('error', () => undefined);
    try {
      await client.connect();
      await settle(client, this.#options);
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }
}
