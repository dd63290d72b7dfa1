import type { Reader } from '../../platform/store/store.ts';
import type { Kept } from './archive.ts';
import { between } from './tree.ts';

/** Causes above an event that are looked up, and events that are remembered. */
const MAX_STEPS = 2000;

type Link = Pick<Kept, 'id' | 'causationId' | 'happenedAt'>;

interface Place {
  /** How many causes stand above it, as far as they are kept. */
  readonly depth: number;
  /** Milliseconds since its cause, by their own clocks. */
  readonly afterMs?: number;
}

/** Where events stand in their trees, told one by one: remembers what it has seen. */
export class Lineage {
  readonly #reader: Reader;
  readonly #seen = new Map<string, { readonly depth: number; readonly happenedAt: string | null }>();

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  async place(event: Link): Promise<Place> {
    if (this.#seen.size > MAX_STEPS) this.#seen.clear();
    const path = new Map<string, Link>([[event.id, event]]);
    let above = event.causationId;
    while (above !== null && !this.#seen.has(above) && !path.has(above) && path.size < MAX_STEPS) {
      const cause = await this.#find(above);
      path.set(above, cause);
      above = cause.causationId;
    }
    let depth = this.#seen.get(above ?? '')?.depth ?? -1;
    for (const { id, happenedAt } of [...path.values()].toReversed()) {
      depth += 1;
      this.#seen.set(id, { depth, happenedAt });
    }
    const afterMs = between(this.#seen.get(event.causationId ?? '')?.happenedAt, event.happenedAt);
    return { depth, ...(afterMs === undefined ? {} : { afterMs }) };
  }

  /** A cause that is not kept stands above what it brought about, and nothing above it is known. */
  async #find(id: string): Promise<Link> {
    const row = await this.#reader.get<Link>(
      `select id, causation_id as "causationId", happened_at as "happenedAt" from archive
       where id = $1 order by seq limit 1`,
      id,
    );
    return row ?? { id, causationId: null, happenedAt: null };
  }
}
