import { recurring } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import { audit } from './audit.ts';
import type { Deps } from './deps.ts';

const EVERY_MS = 600_000;
const BATCH = 200;
const RETENTION = { by: 'retention', reason: 'older than DEAD_LETTER_RETENTION' };

/** Removes letters past their time: settled ones after their end, open ones, which nobody cared for, after their death. */
export const pruneLetters = recurring<never, Deps>(
  'prune-dead-letters',
  EVERY_MS,
  async (tx, { now, deps, log }) => {
    const before = new Date(now.getTime() - deps.settings.DEAD_LETTER_RETENTION).toISOString();
    const closed = await tx.all<{ seq: number }>(
      'select seq from dead_letters where closed_at < $1 order by closed_at limit $2',
      before,
      BATCH,
    );
    for (const { seq } of closed) await remove(tx, seq);
    const open = await expired(tx, before);
    for (const letter of open) {
      await audit(tx, RETENTION, 'discard', { ...letter }, now);
      await remove(tx, letter.letter);
    }
    if (open.length > 0)
      log.warn({ letters: open.length }, 'open dead letters removed after DEAD_LETTER_RETENTION');
    return closed.length === BATCH || open.length === BATCH;
  },
);

interface Expired {
  readonly letter: number;
  readonly eventId: string | null;
  readonly type: string | null;
  readonly subscriber: string;
  readonly cause: string;
  readonly diedAt: string;
}

async function expired(tx: Tx, before: string): Promise<Expired[]> {
  const letters: Expired[] = [];
  for (const state of ['waiting', 'held']) {
    const found = await tx.all<Expired>(
      `select seq as letter, id as "eventId", type, subscriber, cause, died_at as "diedAt" from dead_letters
       where state = $1 and died_at < $2 order by died_at limit $3`,
      state,
      before,
      BATCH - letters.length,
    );
    letters.push(...found);
  }
  return letters;
}

async function remove(tx: Tx, seq: number): Promise<void> {
  await tx.run('delete from attempts where letter = $1', seq);
  await tx.run('delete from dead_letter_bodies where letter = $1', seq);
  await tx.run('delete from dead_letters where seq = $1', seq);
}
