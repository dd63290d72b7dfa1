import { services } from '../../../services/index.ts';
import { buildImage } from './build.ts';
import { mountFiles, startContainer, type Files } from './run.ts';

const RUNS = 9;

/** Prints the size of the image, and how long a container of each service takes to be ready. */
export async function measureImage(root: string, base: string | undefined): Promise<void> {
  const image = buildImage(root, 'runtime', { base });
  const [ofBase = 0, ...own] = image.layers.map((bytes) => bytes / 1_000_000);
  const sizes = own.map((size) => size.toFixed(1)).join(' + ');
  console.log(`layers on top of the base (${ofBase.toFixed(0)} MB): ${sizes} MB, not compressed`);
  const files = mountFiles(image);
  try {
    for (const { name } of services) {
      const [warm, cold] = [await median(files, name), await median(files, name, { NODE_COMPILE_CACHE: '' })];
      console.log(
        `${name}: ready after ${warm} ms, ${cold} ms without the compile cache (median of ${RUNS})`,
      );
    }
  } finally {
    files.remove();
  }
}

async function median(files: Files, name: string, env: Record<string, string> = {}): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const start = performance.now();
    const container = await startContainer(files, { args: [name], env: { PORT: '0', ...env } });
    await container.ready();
    times.push(performance.now() - start);
    await container.remove();
  }
  return Math.round(times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0);
}
