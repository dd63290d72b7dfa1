/** A wait that doubles with every failure up to `max`, a little shorter or longer each time. In milliseconds. */
export function backoff(failures: number, first: number, max: number): number {
  return Math.min(max, first * 2 ** Math.min(failures, 30)) * (0.75 + Math.random() / 4);
}

const MAX_MS = 300_000;

/** When a letter that has failed so often by itself is delivered again. @param first wait, in milliseconds */
export function nextAttemptAt(now: Date, failures: number, first: number): Date {
  return new Date(now.getTime() + backoff(failures - 1, first, MAX_MS));
}
