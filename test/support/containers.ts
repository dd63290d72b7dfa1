import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { environment } from '../../platform/config.ts';
import { hasOverlays, whyNot } from '../../scripts/image/container/engine.ts';
import { root } from './root.ts';

/** `describe` for what builds and runs images: for `CONTAINERS=1 npm test`, since the first build takes most of a minute. */
export const describeContainers: typeof describe.skip = wanted() ? describe : describe.skip;

function wanted(): boolean {
  const reason = environment()['CONTAINERS'] === '1' ? hindrance() : 'asked for by CONTAINERS=1 alone';
  if (reason !== undefined) process.stderr.write(`SKIPPED: the image is not built and run: ${reason}\n`);
  return reason === undefined;
}

function hindrance(): string | undefined {
  return whyNot() ?? (hasOverlays() ? undefined : 'no overlay file system, without which it takes minutes');
}

/** What the Dockerfile copies, in a folder of its own where a test may change it. */
export function copyContext(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-context-'));
  const files = ['Dockerfile', '.dockerignore', 'LICENSE', 'package.json', 'package-lock.json', '.npmrc'];
  for (const name of [...files, 'events', 'platform', 'services', 'scripts/image'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  return folder;
}

/** What the kernel says of a process. */
export function statusOf(pid: number, field: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
}
