import type { EventContract } from './contract.ts';
import { recurring, type TaskKind } from './service.ts';
import { forgetBefore } from './store/inbox.ts';
import { forgetTasks, unknownTasks } from './store/tasks.ts';

const HOUR_MS = 3_600_000;
const BATCH = 1000;

/** Removes inbox rows when they are older than a duplicate must be recognised. */
export function inboxPruning<Deps>(retentionMs: number): TaskKind<EventContract, Deps> {
  return recurring('prune-inbox', HOUR_MS, async (tx, { now }) => {
    const before = new Date(now.getTime() - retentionMs);
    return (await forgetBefore(tx, before, BATCH)) === BATCH;
  });
}

const PRUNE_TASKS = 'prune-tasks';

/**
 * Removes tasks of kinds that are on the card no more. They are kept for a while, and told of: a newer version that was
 * taken back may have left them, and does them when it comes again.
 * @param known kinds that the service does
 */
export function taskPruning<Deps>(
  known: readonly string[],
  retentionMs: number,
): TaskKind<EventContract, Deps> {
  const kinds = [...known, PRUNE_TASKS];
  return recurring(PRUNE_TASKS, HOUR_MS, async (tx, { now, log }) => {
    for (const unknown of await unknownTasks(tx, kinds)) {
      log.warn(unknown, 'no task of this kind is on the card: nobody does these, and they go in the end');
    }
    const before = new Date(now.getTime() - retentionMs);
    return (await forgetTasks(tx, kinds, before, BATCH)) === BATCH;
  });
}
