import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { root } from '../support/root.ts';
import { until } from '../support/until.ts';

const program = join(root, 'test/support/run-briefly.ts');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tradewind-process-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A file that the program, or Node before it, loads. */
function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

interface Outcome {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly code: Promise<number | null>;
}

function run(command: string, args: readonly string[]): Outcome {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  return { child, said: () => said, code: once(child, 'close').then(([code]) => code as number | null) };
}

const node = ['--disable-warning=ExperimentalWarning'];

describe('a program that runs until it is stopped', () => {
  it('says of a mistake in the code where it is', async () => {
    const broken = fileOf('broken.ts', 'export const fine = 1;\nconst x = ;\n');
    const { said, code } = run(process.execPath, [...node, program, broken]);
    expect(await code).toBe(1);
    expect(said()).toContain('broken.ts:2');
  });

  it('says of a refusal its words alone', async () => {
    const refusing = fileOf('refusing.ts', "throw new Error('the folder is locked');\n");
    const { said, code } = run(process.execPath, [...node, program, refusing]);
    expect([await code, said()]).toEqual([1, 'the folder is locked\n']);
  });
});

/** A namespace of its own, as a container has one. */
const NAMESPACE = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc'];
const possible = spawnSync('unshare', [...NAMESPACE, 'true']).status === 0;
if (!possible) process.stderr.write('SKIPPED: no PID namespaces here to run the first process of one\n');

const runFirst = (...args: string[]): Outcome =>
  run('unshare', [...NAMESPACE, process.execPath, ...node, ...args]);

(possible ? describe : describe.skip)('as the first process of a container, which the kernel spares', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('does not start when %s came while Node did', async (signal) => {
    const early = fileOf('early.cjs', `process.kill(process.pid, '${signal}');\n`);
    const { said, code } = runFirst('--require', early, program);
    expect([await code, said()]).toEqual([0, '']);
  });

  it('starts, and stops by SIGTERM', async () => {
    const { child, said, code } = runFirst(program);
    await until('it has started', () => said() === 'started\n');
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    process.kill(Number(children.trim()), 'SIGTERM');
    expect([await code, said()]).toEqual([0, 'started\nstopped\n']);
  });
});
