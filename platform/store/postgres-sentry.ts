import type { ClientConfig } from 'pg';
import { StoreError } from './errors.ts';
import { LIFETIME_SECONDS, type PostgresOptions } from './postgres-connection.ts';
import { dial, type Dialled } from './postgres-dial.ts';
import { check, settle } from './postgres-session.ts';

/** Whoever asks whether the database is there does not wait long for the answer. */
const LONGEST_MS = 2000;

interface Line {
  readonly dialled: Dialled;
  /** Resolves once it can be asked. */
  readonly open: Promise<void>;
  readonly since: number;
}

/**
 * Tells whether a database is there, over a connection of its own: that all others are at work, or wait for one row, does not
 * mean that it is away.
 */
export class Sentry {
  readonly #config: ClientConfig;
  readonly #options: PostgresOptions;
  #line: Line | undefined;
  #looking: Promise<void> | undefined;

  constructor(config: ClientConfig, options: PostgresOptions) {
    // Given up before whoever waits is: who asks next is to begin anew.
    const each = LONGEST_MS * 0.75;
    this.#config = { ...config, connectionTimeoutMillis: each, query_timeout: each };
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
    const line = this.#line;
    this.#line = undefined;
    await line?.dialled.hangUp();
  }

  async #look(): Promise<void> {
    if (this.#line && performance.now() - this.#line.since > LIFETIME_SECONDS * 1000) void this.close();
    const { dialled, open } = (this.#line ??= this.#dial());
    try {
      await open;
      await check(dialled.client);
    } catch (error) {
      // The next one leads to whatever server is right then; whether this one hangs up is nobody's matter.
      void this.close();
      throw error;
    }
  }

  #dial(): Line {
    const dialled = dial(this.#config);
    const { client } = dialled;
    // One that the server has ended meanwhile tells nothing of the server.
    client.once('end', () => {
      if (this.#line?.dialled === dialled) this.#line = undefined;
    });
    const open = client.connect().then(() => settle(client, this.#options));
    open.catch(() => undefined);
    return { dialled, open, since: performance.now() };
  }
}
