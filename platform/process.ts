import { messageOf } from './errors.ts';

/** Something that runs until it is told to stop. */
export interface Stoppable {
  close(): Promise<void>;
}

/**
 * Runs a program until SIGTERM or SIGINT, or until the parent that supervises it is gone. Signals count from the
 * first moment on: one that comes while the program is still starting stops it as soon as it has started.
 * @param start loads and starts the program; import what is heavy inside, so that the signals come first.
 * `undefined`: there was nothing to run.
 */
export async function runUntilStopped(start: () => Promise<Stoppable | undefined>): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
    if (process.send) process.once('disconnect', () => resolve());
  });
  try {
    const program = await start();
    if (program) await stopped;
    await program?.close();
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
  // Lets go of the channel to a supervisor, which would keep the process alive.
  if (process.connected) process.disconnect();
}
