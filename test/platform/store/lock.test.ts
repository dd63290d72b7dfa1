import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { lockFolder } from '../../../platform/store/lock.ts';

describe('the lock of a data folder', () => {
  it('lets one process have it at a time, and nobody else read it', () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'tradewind-lock-')), 'data');
    const lock = lockFolder(folder);
    expect(statSync(folder).mode & 0o077).toBe(0);
    expect(() => lockFolder(folder)).toThrow(`${folder} is in use by another process`);
    lock.release();
    lock.release();
    lockFolder(folder).release();
    rmSync(folder, { recursive: true });
  });
});
