import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A folder that belongs to this process alone. */
export interface FolderLock {
  release(): void;
}

/** A predecessor that is just stopping gets this long. */
const PATIENCE_MS = 2000;

/**
 * Takes a data folder for this process. The lock is SQLite's own on a file, so the system lets it go whenever the
 * process ends, however it ends.
 * @throws Error when another process has the folder.
 */
export function lockFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: PATIENCE_MS });
  try {
    database.exec('pragma journal_mode = delete; begin exclusive');
  } catch (error) {
    database.close();
    throw new Error(`${folder} is in use by another process: stop it, or choose another data folder`, {
      cause: error,
    });
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}
