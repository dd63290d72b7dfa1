import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { messageOf } from './errors.ts';

/** Something that runs until it is told to stop. */
export interface Stoppable {
  close(): Promise<void>;
}

/** What a supervised program says to its supervisor once it has started. */
export const READY = 'ready';

const STOPPING = ['SIGTERM', 'SIGINT'] as const;

/** One Ctrl-C may arrive twice, from the terminal and from npm: only a later signal is a second one. */
const SAME_SIGNAL_MS = 1000;

/**
 * Runs a program until SIGTERM or SIGINT, or until the parent that supervises it is gone. Signals count from the
 * first moment on: one that comes while the program is still starting stops it as soon as it has started, one that came
 * before that keeps it from starting. A second signal ends the process at once.
 * @param start loads and starts the program; import what is heavy inside, so that the signals come first.
 * `undefined`: there was nothing to run.
 */
export async function runUntilStopped(start: () => Promise<Stoppable | undefined>): Promise<void> {
  if (wasToldToStop()) return;
  const stopped = stopSignal();
  try {
    const program = await start();
    if (program) {
      process.send?.(READY);
      await stopped;
      await program.close();
    }
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  }
  // What is left over must not keep the process alive: handlers do not, but the channel to a supervisor does. It stays
  // open, for `node --watch` hears by it which files to watch, also of a program that does not start.
  process.channel?.unref();
}

/** A refusal speaks for itself; of a mistake in the code one has to know where it is. */
function explain(error: unknown): string {
  const isMistake = error instanceof Error && /^(?:Syntax|Type|Reference)Error$/.test(error.name);
  return isMistake ? (error.stack ?? error.message) : messageOf(error);
}

/**
 * Whether a signal came while Node itself was starting. It ends any process but the first of a container, which the kernel
 * spares and nobody would tell: what is left of the signal is that Node's own handler, which runs once, is gone.
 */
function wasToldToStop(): boolean {
  if (process.pid !== 1) return false;
  const [, mask] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  if (mask === undefined) return false;
  const caught = BigInt(`0x${mask}`);
  return STOPPING.some((signal) => ((caught >> BigInt(constants.signals[signal] - 1)) & 1n) === 0n);
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let stoppedAt: number | undefined;
    const supervised = process.send !== undefined;
    for (const signal of STOPPING) {
      process.on(signal, () => {
        // Ctrl-C reaches the whole group; who is supervised is told by its supervisor, in the right order.
        if (supervised && signal === 'SIGINT') return;
        const now = performance.now();
        if (stoppedAt !== undefined && now - stoppedAt > SAME_SIGNAL_MS) process.exit(1);
        stoppedAt ??= now;
        resolve();
      });
    }
    if (supervised) process.once('disconnect', () => resolve());
  });
}
