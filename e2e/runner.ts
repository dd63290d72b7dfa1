import { messageOf } from '../platform/errors.ts';
import type { Case, Stage } from './stage.ts';

/** What became of a case. */
export interface Result {
  readonly name: string;
  readonly what: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly durationMs: number;
  /** Why it failed or was skipped. */
  readonly reason?: string;
  /** What it told on its way. */
  readonly said: readonly string[];
}

export interface RunOptions {
  readonly print: (line: string) => void;
  /** Called when a case has failed, before the next one changes what it left. */
  readonly onFailure: (name: string) => Promise<void>;
}

/** One thing to do and to tell of, as a case is. */
export interface Step {
  readonly name: string;
  readonly what: string;
  readonly skip?: string | undefined;
  readonly run: (say: (line: string) => void) => Promise<void>;
}

/** Runs cases one after the other; one that fails does not keep the others from running. */
export async function runCases(
  cases: readonly Case[],
  stage: Stage,
  options: RunOptions,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const each of cases) {
    const run = (say: (line: string) => void): Promise<void> => each.run({ stage, say });
    results.push(await runStep({ ...each, skip: each.skip?.(stage), run }, options));
  }
  return results;
}

/** Runs one, and tells how it goes. */
export async function runStep({ name, what, skip, run }: Step, options: RunOptions): Promise<Result> {
  const { print, onFailure } = options;
  const told = { name, what };
  if (skip !== undefined) {
    print(`- ${name}: skipped, ${skip}`);
    return { ...told, outcome: 'skipped', durationMs: 0, reason: skip, said: [] };
  }
  print(`${name}: ${what}`);
  const said: string[] = [];
  const start = performance.now();
  const say = (line: string): void => {
    said.push(line);
    print(`    ${line}`);
  };
  try {
    await run(say);
    const durationMs = performance.now() - start;
    print(`  ok ${seconds(durationMs)}`);
    return { ...told, outcome: 'passed', durationMs, said };
  } catch (error) {
    const durationMs = performance.now() - start;
    const reason = messageOf(error);
    print(`  FAILED ${seconds(durationMs)}\n${reason.replace(/^/gm, '    ')}`);
    await onFailure(name);
    return { ...told, outcome: 'failed', durationMs, reason, said };
  }
}

/** `N passed, N failed`, and how many were skipped if any were. */
export function summaryOf(results: readonly Result[]): string {
  const count = (outcome: Result['outcome']): number =>
    results.filter((each) => each.outcome === outcome).length;
  const skipped = count('skipped');
  return `${count('passed')} passed, ${count('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function seconds(ms: number): string {
  return `(${(ms / 1000).toFixed(1)} s)`;
}
