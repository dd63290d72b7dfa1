import { runUntilStopped } from '../../platform/process.ts';

/** A program that says when it starts and when it stops; with a file as its argument it loads that first. */
await runUntilStopped(async () => {
  const [, , file] = process.argv;
  if (file !== undefined) await import(file);
  process.stdout.write('started\n');
  const alive = setInterval(() => {}, 60_000);
  return {
    async close() {
      clearInterval(alive);
      process.stdout.write('stopped\n');
    },
  };
});
