import type { Log } from './log.ts';
import { forgetBefore } from './store/inbox.ts';
import type { Store } from './store/store.ts';

export interface PruneOptions {
  readonly store: Store;
  readonly now: () => Date;
  /** How long a duplicate must be recognised. */
  readonly retentionMs: number;
  readonly closing: AbortSignal;
  readonly log: Log;
}

const HOUR_MS = 3_600_000;
const BATCH = 1000;

/** Removes inbox rows that are past their retention, now and every hour. @returns the timer to clear. */
export function pruneInbox(options: PruneOptions): NodeJS.Timeout {
  void prune(options);
  return setInterval(() => void prune(options), HOUR_MS).unref();
}

async function prune({ store, now, retentionMs, closing, log }: PruneOptions): Promise<void> {
  const before = new Date(now().getTime() - retentionMs);
  try {
    let removed = BATCH;
    while (removed === BATCH && !closing.aborted) {
      removed = await store.write((tx) => forgetBefore(tx, before, BATCH));
    }
  } catch (error) {
    log.error({ err: error }, 'old inbox rows could not be removed; trying again in an hour');
  }
}
