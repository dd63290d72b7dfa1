import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { environment } from '../../platform/config.ts';
import { until } from '../../test/support/until.ts';
import { residentMemory, sampleSum } from './child-shop.ts';

/** One program of the shop in a process of its own. */
export interface ChildProgram extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Sum of the samples of a metric. */
  metric(name: string): Promise<number>;
  /** Resident memory in bytes. */
  memory(): Promise<number>;
}

/** As in a shop that npm start runs. */
const SHOP_FLAGS = ['--max-semi-space-size=16', '--max-old-space-size=320'];

/**
 * @param script path from the root of the project.
 * @param flags of Node, about its memory.
 */
export async function startChildProgram(
  script: string,
  args: readonly string[],
  port: number,
  env: Readonly<Record<string, string>>,
  flags: readonly string[] = SHOP_FLAGS,
): Promise<ChildProgram> {
  const path = fileURLToPath(new URL(`../../${script}`, import.meta.url));
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...flags, path, ...args], {
    env: { ...environment(), PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  const isReady = async (): Promise<boolean> =>
    (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200;
  await until(`${script} ${args.join(' ')} is ready`, isReady, 20_000);
  const pid = child.pid ?? 0;
  return {
    url,
    pid,
    metric: async (name) => sampleSum(await (await fetch(`${url}/metrics`)).text(), name, ''),
    memory: () => residentMemory(pid),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
