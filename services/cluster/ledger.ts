import type { RemoteShop } from './shop.ts';

/** An event that is kept, without its data. */
export interface KeptEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** Id of the event that it followed from. */
  readonly causationid?: string;
}

export interface DeadLetter {
  readonly id: number;
  readonly event?: { readonly type?: string };
  /** Address of the one that failed. */
  readonly subscriber: string;
  readonly words: string;
}

interface TreeNode {
  readonly type?: string;
  readonly note?: string;
  readonly deadLetters: readonly Pick<DeadLetter, 'id' | 'subscriber' | 'words'>[];
  readonly children: readonly TreeNode[];
}

/** More than one order of a test leads to. */
const PAGE = 100;

/** The name of a type of the shop: `order.placed`. */
export function nameOf(type: string): string {
  return type.replace(/^shop\.tradewind\./, '').replace(/\.v\d+$/, '');
}

/** What the ledger of a shop tells of an order. */
export class Ledger {
  readonly #shop: RemoteShop;

  constructor(shop: RemoteShop) {
    this.#shop = shop;
  }

  /** Events that are kept, the newest first. */
  events(query: { readonly correlation?: string; readonly type?: string }): Promise<readonly KeptEvent[]> {
    return this.#list<KeptEvent>('/api/events', query);
  }

  /** All that is kept of an event. */
  async whole({ id, source }: KeptEvent): Promise<{ readonly data?: unknown }> {
    const path = `/api/events/${encodeURIComponent(id)}?source=${encodeURIComponent(source)}`;
    return (await this.#shop.look<{ data?: unknown }>('ledger', path)) ?? {};
  }

  /** Dead letters of an order that wait to be delivered, or for a person. */
  openLetters(correlation: string): Promise<readonly DeadLetter[]> {
    return this.#list<DeadLetter>('/api/dead-letters', { correlation });
  }

  /** The story of an order, one event per line, each below the one that caused it. */
  async story(correlation: string): Promise<string> {
    const tree = await this.#shop.look<{ roots: readonly TreeNode[] }>('ledger', `/api/trees/${correlation}`);
    const lines = (tree?.roots ?? []).flatMap((root) => linesOf(root, '  '));
    return tree
      ? `what the ledger has of ${correlation}:\n${lines.join('\n')}`
      : `the ledger has nothing of ${correlation}`;
  }

  async #list<Item>(path: string, query: Readonly<Record<string, string>>): Promise<readonly Item[]> {
    const parameters = new URLSearchParams({ ...query, limit: String(PAGE) }).toString();
    const page = await this.#shop.look<{ items: readonly Item[] }>('ledger', `${path}?${parameters}`);
    if (!page) throw new Error(`the ledger does not answer GET ${path}`);
    return page.items;
  }
}

function linesOf({ type, note, deadLetters, children }: TreeNode, indent: string): string[] {
  const below = `${indent}  `;
  return [
    `${indent}${type === undefined ? 'an event' : nameOf(type)}${note === undefined ? '' : ` (${note})`}`,
    ...deadLetters.map((letter) => `${below}${inWords(letter)}`),
    ...children.flatMap((child) => linesOf(child, below)),
  ];
}

/** A dead letter in one line. */
export function inWords({ id, subscriber, words }: Pick<DeadLetter, 'id' | 'subscriber' | 'words'>): string {
  return `dead letter ${id} for ${subscriber || 'nobody known'}: ${words}`;
}
