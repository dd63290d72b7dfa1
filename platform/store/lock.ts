import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';

/** A folder that belongs to this process alone. */
export interface FolderLock {
  release(): void;
}

export interface LockOptions {
  /** How long a predecessor that is just stopping gets, in milliseconds. */
  readonly patienceMs: number;
  /** Another process has the folder, and is waited for. */
  readonly onWait?: () => void;
}

const LOOK_MS = 50;
/** SQLITE_BUSY, see https://sqlite.org/rescode.html#busy */
const BUSY = 5;

/**
 * Takes a data folder for this process. The lock is SQLite's own on a file, so the system lets it go whenever the
 * process ends, however it ends.
 * @throws Error when another process has the folder, and keeps it.
 */
export async function lockFolder(folder: string, options: LockOptions): Promise<FolderLock> {
  const { patienceMs, onWait } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const end = performance.now() + patienceMs;
  let lock = tryLock(folder);
  if (!lock) onWait?.();
  while (!lock && performance.now() < end) {
    await sleep(LOOK_MS);
    lock = tryLock(folder);
  }
  if (lock) return lock;
  throw new Error(`${folder} is in use by another process: stop it, or choose another data folder`);
}

/** @returns nothing while another process has it */
function tryLock(folder: string): FolderLock | undefined {
  const database = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: 0 });
  try {
    database.exec('pragma journal_mode = delete; begin exclusive');
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === BUSY) return undefined;
    throw error;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}
