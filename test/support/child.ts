import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A program in a process of its own that tells its address in its first line of output. */
export interface Child {
  readonly url: string;
  /** What it has logged so far. */
  readonly log: string;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Asks it to stop, and waits. @returns its exit code. */
  stop(): Promise<number | null>;
}

/** @param script path from `test/support`. */
export async function startChild(script: string, env: Record<string, string>): Promise<Child> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += String(text);
  });
  const url = await Promise.race([firstLine(child), exited.then(() => failed(child))]);
  return {
    url,
    get log() {
      return log;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.trim();
}

function failed(child: ChildProcess): never {
  throw new Error(`the program ended with ${child.exitCode} before it was ready`);
}
