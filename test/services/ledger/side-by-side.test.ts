import { describe, expect, it } from '@jest/globals';
import { sideBySide } from '../../../services/ledger/side-by-side.ts';

const keyOf = (item: string): string => item[0] ?? '';

/** Works items, two at once, and tells which were begun and which ended; `a1` takes until `slower` has ended. */
async function worked(items: readonly string[], slower: string, answer: (item: string) => boolean) {
  const begun: string[] = [];
  const ended: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = sideBySide(items, keyOf, 2, async (item) => {
    begun.push(item);
    if (item === 'a1') await promise;
    ended.push(item);
    if (item === slower) resolve();
    return answer(item);
  });
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { begun, ended, error };
}

describe('working side by side', () => {
  it('lets other keys pass one that takes long, and keeps the order of each', async () => {
    const { begun, ended } = await worked(['a1', 'a2', 'b1', 'a3', 'b2'], 'b2', () => true);
    expect(begun).toEqual(['a1', 'b1', 'b2', 'a2', 'a3']);
    expect(ended).toEqual(['b1', 'b2', 'a1', 'a2', 'a3']);
  });

  it('begins nothing more after a no, and waits for what is at work', async () => {
    const { begun, ended, error } = await worked(['a1', 'b1', 'b2', 'c1'], 'b1', (item) => item !== 'b1');
    expect(begun).toEqual(['a1', 'b1']);
    expect(ended).toEqual(['b1', 'a1']);
    expect(error).toBeUndefined();
  });

  it('begins nothing more after an error, waits for what is at work, and then throws it', async () => {
    const { begun, ended, error } = await worked(['a1', 'b1', 'b2', 'c1'], 'b1', (item) => {
      if (item === 'b1') throw new Error('the store has gone');
      return true;
    });
    expect(begun).toEqual(['a1', 'b1']);
    expect(ended).toEqual(['b1', 'a1']);
    expect(error).toMatchObject({ message: 'the store has gone' });
  });
});
