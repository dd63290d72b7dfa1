import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { environment } from '../../../platform/config.ts';
import { root } from '../../support/root.ts';
import { STAFF_TOKEN } from '../../support/service.ts';
import { until } from '../../support/until.ts';
import type { Desk } from './desk.ts';

const MAIN = join(root, 'services/ledger/cli/main.ts');

/** The environment of a command that asks the ledger of a desk. */
export function at({ service }: Desk): Record<string, string> {
  return { LEDGER_URL: service.service.url, STAFF_TOKEN };
}

/** A command that runs. */
export interface RunningCommand {
  readonly out: string;
  readonly err: string;
  /** Waits for something on one of its outputs. */
  says(text: string): Promise<void>;
  /** What Ctrl-C sends. */
  interrupt(): void;
  /** Reads its output no more, as `head` does when it has enough. */
  stopReading(): void;
  /** Waits for its end. @returns its exit code */
  ended(): Promise<number | null>;
}

/** Where Node keeps what it has compiled, so that the next start is a fast one; no setting of the command. */
const { NODE_COMPILE_CACHE = '' } = environment();

/** Starts a command line of its own, with no environment but the given one. */
export function start(args: readonly string[], env: Record<string, string> = {}): RunningCommand {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    env: { NODE_COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out += String(text)));
  child.stderr.setEncoding('utf8').on('data', (text) => (err += String(text)));
  const command: RunningCommand = {
    get out() {
      return out;
    },
    get err() {
      return err;
    },
    says: (text) => until(`the command says "${text}"`, () => out.includes(text) || err.includes(text)),
    interrupt: () => void child.kill('SIGINT'),
    stopReading: () => void child.stdout.destroy(),
    async ended() {
      await closed;
      return child.exitCode;
    },
  };
  return command;
}

/** Runs a command line to its end. */
export async function run(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const command = start(args, env);
  const code = await command.ended();
  return { code, out: command.out, err: command.err };
}
