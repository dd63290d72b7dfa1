import { messageOf } from './errors.ts';

/** Something that runs until it is told to stop. */
export interface Stoppable {
  close(): Promise<void>;
}

/** What a supervised program says to its supervisor once it has started. */
export const READY = 'ready';

/** One Ctrl-C may arrive twice, from the terminal and from npm: only a later signal is a second one. */
const SAME_SIGNAL_MS = 1000;

/**
 * Runs a program until SIGTERM or SIGINT, or until the parent that supervises it is gone. Signals count from the
 * first moment on: one that comes while the program is still starting stops it as soon as it has started. A second
 * signal ends the process at once.
 * @param start loads and starts the program; import what is heavy inside, so that the signals come first.
 * `undefined`: there was nothing to run.
 */
export async function runUntilStopped(start: () => Promise<Stoppable | undefined>): Promise<void> {
  const stopped = stopSignal();
  try {
    const program = await start();
    if (program) {
      process.send?.(READY);
      await stopped;
      await program.close();
    }
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
  // What is left over must not keep the process alive: handlers do not, but the channel to a supervisor does.
  if (process.connected) process.disconnect();
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let stoppedAt: number | undefined;
    const supervised = process.send !== undefined;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
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
