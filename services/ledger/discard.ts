import type { Reader, Tx } from '../../platform/store/store.ts';
import { amend, audit, type Act } from './audit.ts';
import { closeLetter } from './letters.ts';
import { pick, type Picked, type Range, type Selection } from './selection.ts';

/** What somebody wants closed undelivered. */
export interface DiscardWish extends Act {
  readonly selection: Extract<Selection, { of: 'dead-letters' }>;
}

/** Runs work in a transaction of its own. */
type Commit = <T>(work: (tx: Tx, now: Date) => Promise<T>) => Promise<T>;

/** Letters that are closed in one transaction; others wait behind it. */
const STEP = 200;

/**
 * Closes dead letters that nobody needs, step by step. All of it is one entry of the audit log, which grows with every
 * step: if something ends it half-way, the entry tells what was done.
 * @returns how many were closed
 */
export async function discard(
  reader: Reader,
  commit: Commit,
  wish: DiscardWish,
  range: Range,
): Promise<number> {
  let done: Progress = { discarded: 0 };
  for (let { after } = range; after < range.until;) {
    const { picked, scanned } = await pick(reader, wish.selection, { ...range, after }, STEP);
    const before = done;
    if (picked.length > 0) done = await commit((tx, now) => discardStep(tx, wish, picked, before, now));
    after = scanned;
  }
  return done.discarded;
}

interface Progress {
  readonly discarded: number;
  /** The entry of the audit log, once there is one. */
  readonly entry?: number;
}

async function discardStep(
  tx: Tx,
  wish: DiscardWish,
  picked: readonly Picked[],
  before: Progress,
  now: Date,
): Promise<Progress> {
  let { discarded } = before;
  for (const letter of picked) {
    if (await closeLetter(tx, letter, 'discarded', now)) discarded += 1;
  }
  const { select, until } = wish.selection;
  const detail = { select, until, discarded };
  if (before.entry === undefined) return { discarded, entry: await audit(tx, wish, 'discard', detail, now) };
  await amend(tx, before.entry, wish, detail);
  return { ...before, discarded };
}
