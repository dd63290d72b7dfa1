import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../../platform/config.ts';
import { addressOf, programs } from '../../services/local/plan.ts';
import { until } from '../../test/support/until.ts';

/** A shop that `npm start` runs in a process of its own, as a user has it. */
export interface ChildShop extends AsyncDisposable {
  /** Milliseconds from the command to `Tradewind is ready`. */
  readonly startedIn: number;
  readonly pid: number;
  url(name: string): string;
  /** Sum of the samples of a metric, over all programs or those named. */
  metric(name: string, labels?: string, of?: readonly string[]): Promise<number>;
  staff(service: string, method: string, path: string, body?: unknown): Promise<Response>;
  /** Resident memory of all its processes, in bytes. */
  memory(): Promise<number>;
  /** Waits until nothing waits anywhere. */
  drained(timeoutMs: number): Promise<void>;
}

const TOKEN = 'staff-token-of-the-bench';
const WAITING = ['tradewind_outbox_events', 'tradewind_tasks_due', 'tradewind_broker_waiting'];

/** @param env further settings of its programs. */
export async function startChildShop(
  portBase: number,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ChildShop> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tradewind-bench-'));
  const before = performance.now();
  const child = spawn(
    'npm',
    ['start', '--silent', '--', '--data', dataDir, '--port-base', String(portBase), ...args],
    {
      env: { ...environment(), STAFF_TOKEN: TOKEN, LOG_LEVEL: 'error', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await readyLine(child);
  const startedIn = performance.now() - before;
  const url = (name: string): string => addressOf(name, { portBase });
  const metric: ChildShop['metric'] = async (name, labels = '', of = programs()) => {
    const texts = await Promise.all(of.map(async (each) => (await fetch(`${url(each)}/metrics`)).text()));
    return texts.reduce((sum, text) => sum + sampleSum(text, name, labels), 0);
  };
  const waiting = async (): Promise<number> => {
    const counts = await Promise.all(WAITING.map((name) => metric(name)));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  return {
    startedIn,
    pid: child.pid ?? 0,
    url,
    metric,
    staff: (service, method, path, body) =>
      fetch(url(service) + path, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async memory() {
      const bytes = await residentMemory(child.pid ?? 0);
      if (bytes === 0) throw new Error('memory can be read from /proc only');
      return bytes;
    },
    drained: (timeoutMs) => until('nothing waits anywhere', async () => (await waiting()) === 0, timeoutMs),
    async [Symbol.asyncDispose]() {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exited;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function readyLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Tradewind is ready')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`npm start ended with code ${code}`)));
  });
}

/** Sum of the samples of a metric in a page of metrics. */
export function sampleSum(text: string, name: string, labels: string): number {
  return text
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Of a process and everything it started, from /proc: what is measured has no code for it. */
export async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const own = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  const isNode = /^Name:\s+(?:node|MainThread)/m.test(status);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const below = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => residentMemory(Number(child))),
  );
  return (isNode ? own : 0) + below.reduce((sum, bytes) => sum + bytes, 0);
}
