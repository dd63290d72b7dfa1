import { join } from 'node:path';
import { messageOf } from '../../platform/errors.ts';
import { TokenFile } from '../../platform/token-file.ts';
import { NO_TOKEN } from './cause.ts';
import type { LedgerSettings } from './settings.ts';

interface Holder {
  readonly service: string;
  readonly path: string;
  readonly file: TokenFile;
}

/**
 * What the ledger shows to those it delivers to itself: a bearer token per service, since each takes only those of its
 * own audience. A token goes to the origin that `SUBSCRIBERS` has for its service and nowhere else, whatever address a
 * dead letter names.
 */
export class SubscriberTokens {
  readonly #holders: ReadonlyMap<string, Holder>;

  constructor({
    SUBSCRIBER_TOKEN_DIR: folder,
    SUBSCRIBERS,
  }: Pick<LedgerSettings, 'SUBSCRIBER_TOKEN_DIR' | 'SUBSCRIBERS'>) {
    const services = folder === undefined ? [] : [...SUBSCRIBERS];
    this.#holders = new Map(
      services.map(([service, address]) => {
        const path = join(folder ?? '', service);
        return [new URL(address).origin, { service, path, file: new TokenFile(path) }];
      }),
    );
  }

  /**
   * Headers for one delivery, read as they are now; none to who is no service of `SUBSCRIBERS`.
   * @throws Error `no token for …` when there should be one
   */
  headersFor({ origin }: URL): Readonly<Record<string, string>> {
    const holder = this.#holders.get(origin);
    return holder ? read(holder) : {};
  }

  /** Why deliveries to some services would fail now. */
  missing(): string[] {
    return [...this.#holders.values()].flatMap((holder) => {
      try {
        read(holder);
        return [];
      } catch (error) {
        return [messageOf(error)];
      }
    });
  }
}

function read({ service, path, file }: Holder): Readonly<Record<string, string>> {
  const headers = attempt(file, service);
  if (headers['authorization'] === undefined) throw noToken(service, `${path} is missing or empty`);
  return headers;
}

function attempt(file: TokenFile, service: string): Readonly<Record<string, string>> {
  try {
    return file.headers();
  } catch (error) {
    throw noToken(service, messageOf(error), error);
  }
}

function noToken(service: string, reason: string, cause?: unknown): Error {
  return new Error(`${NO_TOKEN} ${service}: ${reason}`, { cause });
}
