import { join } from 'node:path';
import type { Log } from '../log.ts';
import type { ServiceSettings } from '../settings.ts';
import { lockFolder, type FolderLock } from './lock.ts';
import { isInTheOpen } from './postgres-address.ts';
import { openSqlite } from './sqlite.ts';
import type { Store } from './store.ts';

/** Where a service keeps its databases. */
export interface Storage {
  /** Opens the database of a service, by its name, or of a part that keeps its books apart. */
  open(name: string): Promise<Store>;
  /** Lets go of what was taken for this process alone. */
  release(): Promise<void>;
}

/**
 * Chooses by `DATABASE_URL`: PostgreSQL, with a schema for each database, or without it SQLite, with files in a folder
 * that belongs to this process alone: `open` throws an Error when another process keeps the folder.
 */
export function storageOf(service: string, settings: ServiceSettings, log: Log): Storage {
  return settings.DATABASE_URL === undefined
    ? filesIn(join(settings.DATA_DIR, service), settings, log)
    : schemasAt(settings.DATABASE_URL, service, settings, log);
}

function filesIn(folder: string, settings: ServiceSettings, log: Log): Storage {
  let locking: Promise<FolderLock> | undefined;
  const lock = (): Promise<FolderLock> =>
    lockFolder(folder, {
      patienceMs: settings.DATA_LOCK_TIMEOUT,
      onWait: () => log.warn({ folder }, 'waiting for the data folder: another process has it'),
    });
  return {
    async open(name) {
      await (locking ??= lock());
      return openSqlite(join(folder, `${name}.sqlite`));
    },
    async release() {
      // Whoever got none has none to let go of.
      (await locking?.catch(() => undefined))?.release();
    },
  };
}

function schemasAt(url: string, service: string, settings: ServiceSettings, log: Log): Storage {
  return {
    async open(name) {
      // Loaded on demand: who keeps files needs no driver.
      const { openPostgres } = await import('./postgres.ts');
      if (name === service && isInTheOpen(url, settings.DATABASE_CA))
        log.warn(
          'nothing of the database is encrypted: add sslmode=verify-full to DATABASE_URL, or sslmode=disable',
        );
      return openPostgres(
        {
          url,
          ca: settings.DATABASE_CA,
          schema: name === service ? service : `${service}_${name}`,
          poolSize: settings.DATABASE_POOL_SIZE,
          connectTimeoutMs: settings.DATABASE_CONNECT_TIMEOUT,
          statementTimeoutMs: settings.DATABASE_STATEMENT_TIMEOUT,
        },
        (reason) => log.warn({ reason }, 'waiting for the database'),
      );
    },
    release: () => Promise.resolve(),
  };
}
