import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lockFolder } from '../../../platform/store/lock.ts';
import { until } from '../../support/until.ts';

describe('the lock of a data folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'tradewind-lock-')), 'data');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('lets one process have it at a time, and nobody else read it', async () => {
    const lock = await lockFolder(folder, { patienceMs: 0 });
    expect(statSync(folder).mode & 0o077).toBe(0);
    await expect(lockFolder(folder, { patienceMs: 100 })).rejects.toThrow(
      `${folder} is in use by another process`,
    );
    lock.release();
    lock.release();
    (await lockFolder(folder, { patienceMs: 0 })).release();
  });

  it('is waited for while the predecessor stops, which is told once', async () => {
    const predecessor = await lockFolder(folder, { patienceMs: 0 });
    let told = 0;
    const waiting = lockFolder(folder, { patienceMs: 60_000, onWait: () => (told += 1) });
    await until('somebody waits', () => told === 1);
    predecessor.release();
    (await waiting).release();
    expect(told).toBe(1);
  });

  it('does not wait for a folder that cannot be locked at all', async () => {
    mkdirSync(join(folder, 'lock.sqlite'), { recursive: true });
    await expect(lockFolder(folder, { patienceMs: 60_000 })).rejects.toThrow(/unable to open database file/);
  });
});
