import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Layout } from './layout.ts';

/** Who runs the services of the image. */
const ID = 65_532;

/** A service that runs from the folder that the image would have. */
export interface Started {
  readonly url: string;
  /** Milliseconds from the start of its process to its being ready. */
  readonly readyMs: number;
  stop(): Promise<number | null>;
}

/** A folder that the services may write to, as a volume at `/data` is. */
export function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-data-'));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Runs a program of the image by the image's own user, where there is the right to become it. */
export function runInLayout(layout: Layout, args: readonly string[], env: Readonly<Record<string, string>>) {
  return spawn(layout.node, ['--disable-warning=ExperimentalWarning', ...args], {
    ...user,
    cwd: layout.app,
    env: { PATH: dirname(layout.node), ...layout.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const user = process.getuid?.() === 0 ? { uid: ID, gid: ID } : {};

/** Starts a service and waits until it says that it is ready. @throws Error with its log when it ends before */
export async function startInLayout(
  layout: Layout,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Started> {
  const start = performance.now();
  const child = runInLayout(layout, ['services/main.ts', name], { PORT: '0', HOST: '127.0.0.1', ...env });
  const exited = once(child, 'exit');
  const port = await portOf(child.stderr, name);
  const readyMs = performance.now() - start;
  return {
    url: `http://127.0.0.1:${port}`,
    readyMs,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
  };
}

/** The port on which a service says that it is ready. @throws Error with its log when that ends before */
export async function portOf(log: Readable, name: string): Promise<number> {
  let said = '';
  let ready: number | undefined;
  for await (const line of createInterface({ input: log })) {
    said += `${line}\n`;
    const { msg, port } = parse(line);
    if (msg === 'ready') ready = port;
    if (ready !== undefined) break;
  }
  log.resume();
  if (ready !== undefined) return ready;
  throw new Error(`${name} ended before it was ready:\n${said}`);
}

function parse(line: string): { msg?: string; port?: number } {
  try {
    return JSON.parse(line) as { msg?: string; port?: number };
  } catch {
    return {};
  }
}
