import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { services } from '../../services/index.ts';
import { buildLayout, type Layout } from './layout.ts';
import { dataFolder, startInLayout } from './start.ts';

const RUNS = 9;

/** Prints how long a service of the image takes to be ready, with and without V8's cache, and the layout's size. */
export async function measureLayout(root: string): Promise<void> {
  const layout = buildLayout(root, 'runtime');
  try {
    console.log(`files of the image, without Node itself: ${megabytes(layout.folder)} MB`);
    for (const { name } of services) {
      const cold = { NODE_COMPILE_CACHE: '' };
      const [warmMs, coldMs] = [await median(layout, name), await median(layout, name, cold)];
      console.log(
        `${name}: ready after ${warmMs} ms, ${coldMs} ms without the compile cache (median of ${RUNS})`,
      );
    }
  } finally {
    layout.remove();
  }
}

async function median(layout: Layout, name: string, env: Record<string, string> = {}): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const folder = dataFolder();
    const { readyMs, stop } = await startInLayout(layout, name, { DATA_DIR: folder, ...env });
    await stop();
    rmSync(folder, { recursive: true });
    times.push(readyMs);
  }
  return Math.round(times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0);
}

function megabytes(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path));
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  return (bytes / 1_000_000).toFixed(1);
}
