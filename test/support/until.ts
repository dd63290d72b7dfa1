/** A wait that is long already is looked at more rarely: to look costs work that others wait for. */
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 50;

/**
 * Waits for a condition, looking every few milliseconds.
 * @throws Error naming what was waited for, after `timeoutMs`.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    const waited = performance.now() - start;
    if (waited > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    const pause = Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, waited / 20));
    await new Promise((resume) => setTimeout(resume, pause));
  }
}
