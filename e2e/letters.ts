import { Ledger, inWords } from '../services/cluster/ledger.ts';
import type { Context, Stage } from './stage.ts';

/** A dead letter as the ledger lists it. */
export interface Letter {
  readonly id: number;
  readonly event?: Readonly<Record<string, string>>;
  readonly subscriber: string;
  readonly cause: string;
  readonly code: number | null;
  readonly state: 'waiting' | 'held' | 'closed';
  readonly outcome?: string;
  readonly words: string;
}

/** Dead letters of a story. */
export async function lettersOf(
  { shop }: Stage,
  correlation: string,
  state: 'open' | 'closed',
): Promise<readonly Letter[]> {
  const query = new URLSearchParams({ correlation, state, limit: '100' }).toString();
  const page = await shop.look<{ items: readonly Letter[] }>('ledger', `/api/dead-letters?${query}`);
  if (!page) throw new Error('the ledger does not list its dead letters');
  return page.items;
}

/**
 * Whether a dead letter is one of a service's. In a cluster its address begins with the name of the Service. Without one
 * it is an address of this machine; of the port behind a forwarded one nothing is known but whose it is not.
 */
export function isFor({ subscriber }: Letter, { shop, triggerPrefix }: Stage, service: string): boolean {
  if (!URL.canParse(subscriber)) return false;
  const { host, hostname } = new URL(subscriber);
  if (hostname !== '127.0.0.1') return hostname.split('.', 1)[0] === `${triggerPrefix}${service}`;
  return !shop.services.some((name) => name !== service && new URL(shop.urlOf(name)).host === host);
}

/** Waits until no dead letter of a story is open. @throws Error with those that stay open */
export async function noneOpen({ stage: { shop } }: Context, correlation: string): Promise<void> {
  const ledger = new Ledger(shop);
  let open: readonly string[] = [];
  await shop
    .wait('no dead letter is open', async () => {
      open = (await ledger.openLetters(correlation)).map(inWords);
      return open.length === 0 ? true : undefined;
    })
    .catch(() => {
      throw new Error(`${correlation} has open dead letters:\n${open.join('\n')}`);
    });
}
