interface Lane<Item> {
  readonly behind: Item[];
  /** Sequence of the first item that found no place. */
  skippedFrom?: number;
}

/** What may follow when the item at the head of a lane is through. */
export interface Next<Item> {
  /** The item that waited behind it. */
  readonly item?: Item;
  /** Items from this sequence on were let go, and have to be read again. */
  readonly rereadFrom?: number;
}

/** Items kept behind a busy one of their key; further ones are read again when it is their turn. */
const MAX_BEHIND = 64;

/** One lane per key: items pass one at a time, in order, and a jam in one lane takes little room from the others. */
export class KeyLanes<Item> {
  readonly #lanes = new Map<string, Lane<Item>>();

  /** Lets an item in: `first` may pass at once, `behind` waits here, `skipped` is not kept. */
  enter(key: string, seq: number, item: Item): 'first' | 'behind' | 'skipped' {
    const lane = this.#lanes.get(key);
    if (!lane) {
      this.#lanes.set(key, { behind: [] });
      return 'first';
    }
    if (lane.skippedFrom !== undefined || lane.behind.length >= MAX_BEHIND) {
      lane.skippedFrom = Math.min(lane.skippedFrom ?? seq, seq);
      return 'skipped';
    }
    lane.behind.push(item);
    return 'behind';
  }

  /** Takes the head of a lane away. */
  leave(key: string): Next<Item> {
    const lane = this.#lanes.get(key);
    const item = lane?.behind.shift();
    if (item !== undefined) return { item };
    this.#lanes.delete(key);
    return lane?.skippedFrom === undefined ? {} : { rereadFrom: lane.skippedFrom };
  }
}
