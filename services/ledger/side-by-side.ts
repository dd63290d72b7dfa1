/**
 * Works items side by side, those with the same key one after the other in their order. Resolves when nothing is at
 * work any more.
 * @param work answers whether to go on; after a "no" nothing more is begun, nor after an error, which is thrown at the end
 */
export async function sideBySide<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  width: number,
  work: (item: Item) => Promise<boolean>,
): Promise<void> {
  const waiting = [...items];
  const busy = new Set<string>();
  let goOn = true;
  const lane = async (): Promise<void> => {
    while (goOn) {
      const index = waiting.findIndex((item) => !busy.has(keyOf(item)));
      const [item] = index < 0 ? [] : waiting.splice(index, 1);
      // What waits still has the key of one at work; whoever is at that one takes it.
      if (item === undefined) return;
      busy.add(keyOf(item));
      let isFine = false;
      try {
        isFine = await work(item);
      } finally {
        busy.delete(keyOf(item));
        if (!isFine) goOn = false;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: width }, lane));
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
}
