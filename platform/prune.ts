import type { EventContract } from './contract.ts';
import { recurring, type TaskKind } from './service.ts';
import { forgetBefore } from './store/inbox.ts';

const HOUR_MS = 3_600_000;
const BATCH = 1000;

/** Removes inbox rows when they are older than a duplicate must be recognised. */
export function inboxPruning<Deps>(retentionMs: number): TaskKind<EventContract, Deps> {
  return recurring('prune-inbox', HOUR_MS, async (tx, { now }) => {
    const before = new Date(now.getTime() - retentionMs);
    return (await forgetBefore(tx, before, BATCH)) === BATCH;
  });
}
