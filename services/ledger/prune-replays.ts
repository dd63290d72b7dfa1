import { recurring } from '../../platform/service.ts';
import type { Deps } from './deps.ts';

const EVERY_MS = 600_000;
/** At once: each may have a thousand failures. */
const BATCH = 5;

/** Removes replays that are over and past the time of dead letters; the audit log keeps who ordered them, and why. */
export const pruneReplays = recurring<never, Deps>('prune-replays', EVERY_MS, async (tx, { now, deps }) => {
  const before = new Date(now.getTime() - deps.settings.DEAD_LETTER_RETENTION).toISOString();
  const over = await tx.all<{ id: string }>(
    `select id from replays where created_at < $1 and state in ('done', 'cancelled')
     order by created_at limit $2`,
    before,
    BATCH,
  );
  for (const { id } of over) {
    await tx.run('delete from replay_failures where replay = $1', id);
    await tx.run('delete from replays where id = $1', id);
  }
  return over.length === BATCH;
});
