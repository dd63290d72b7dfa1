import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, type LocalJWKSet } from 'jose';
import { messageOf, problems } from '../errors.ts';
import type { Log } from '../log.ts';

/** What keeping an issuer's keys takes. */
export interface KeysOptions {
  /** Reads them from the issuer. */
  readonly read: () => Promise<JSONWebKeySet>;
  readonly now: () => Date;
  readonly log: Log;
}

/** Keys older than this are read again, beside the work: so a key that was withdrawn is forgotten. */
export const REFRESH_MS = 300_000;
/** Strangers with made-up keys must not make the issuer busy. */
const COOL_DOWN_MS = 2000;

/**
 * The public keys of an issuer. They are read when they are first needed, when a token names one that is not among
 * them, and from time to time. What was read stays good while the issuer is away.
 */
export class IssuerKeys {
  readonly #options: KeysOptions;
  #keys: LocalJWKSet | undefined;
  #readAt = 0;
  #triedAt = 0;
  #failed = false;
  #reading: Promise<LocalJWKSet> | undefined;

  constructor(options: KeysOptions) {
    this.#options = options;
  }

  /**
   * The key that a token names.
   * @throws JWKSNoMatchingKey when the issuer has no such key; Problem 503 when it cannot be asked just now
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const keys = this.#keys;
    if (!keys) return (await this.refresh())(header, token);
    if (this.#since(this.#readAt) > REFRESH_MS) this.refresh().catch(() => undefined);
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      return (await this.refresh())(header, token);
    }
  };

  /** Reads the keys, unless that was tried a moment ago. @throws Problem 503 when there are no fresh ones */
  refresh(): Promise<LocalJWKSet> {
    if (this.#reading) return this.#reading;
    if (this.#since(this.#triedAt) < COOL_DOWN_MS) return Promise.reject(notNow());
    this.#triedAt = this.#options.now().getTime();
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<LocalJWKSet> {
    const { read, log, now } = this.#options;
    try {
      this.#keys = createLocalJWKSet(await read());
      this.#readAt = now().getTime();
      this.#failed = false;
      return this.#keys;
    } catch (error) {
      if (!this.#failed)
        log.warn({ reason: messageOf(error) }, 'the keys of the issuer cannot be read; events wait for them');
      this.#failed = true;
      throw notNow(error);
    }
  }

  #since(instant: number): number {
    return this.#options.now().getTime() - instant;
  }
}

/** A right token may be waiting for this: never an answer that is final. */
function notNow(cause?: unknown): Error {
  return problems.unavailable(
    'the issuer cannot be asked for the key of this token just now; try again',
    cause,
  );
}
