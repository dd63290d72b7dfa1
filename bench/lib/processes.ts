import { readFile } from 'node:fs/promises';

/** What a process has used so far and holds now. */
export interface ProcessUse {
  /** What it is: the name of a service, `broker`, `supervisor`, `postgres`; of anything else its program. */
  readonly role: string;
  /** Processor time in milliseconds, that of children that have ended and were waited for included. */
  readonly cpuMs: number;
  readonly memory: Memory;
}

/** Bytes in memory. */
export interface Memory {
  /** Resident: pages shared with other processes count in full. */
  readonly rss: number;
  /** Its proportional share: a page that n processes share counts as its n-th part. */
  readonly pss: number;
  /** What would be free if it ended. */
  readonly uss: number;
}

/** Linux counts processor time in hundredths of a second, whatever the kernel was built with. */
const TICK_MS = 10;

/**
 * A process and everything it started, from /proc: what is measured has no code for it.
 * @throws Error where there is no /proc.
 */
export async function usesBelow(pid: number): Promise<ProcessUse[]> {
  const own = await useOf(pid);
  if (own === undefined) throw new Error(`process ${pid} cannot be measured: /proc/${pid} is not there`);
  return [own, ...(await below(pid))];
}

async function below(pid: number): Promise<ProcessUse[]> {
  const children = (await read(pid, `task/${pid}/children`)) ?? '';
  const pids = children.split(' ').filter(Boolean).map(Number);
  const uses = await Promise.all(pids.map(async (child) => [await useOf(child), ...(await below(child))]));
  return uses.flat().filter((use) => use !== undefined);
}

/** `undefined` when it has just ended. */
async function useOf(pid: number): Promise<ProcessUse | undefined> {
  const [stat, command, rollup] = await Promise.all([
    read(pid, 'stat'),
    read(pid, 'cmdline'),
    read(pid, 'smaps_rollup'),
  ]);
  if (stat === undefined || command === undefined) return undefined;
  return { role: roleOf(command), cpuMs: cpuMsOf(stat), memory: memoryOf(rollup ?? '') };
}

function read(pid: number, name: string): Promise<string | undefined> {
  return readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => undefined);
}

/** @param stat content of /proc/PID/stat; the name of the program, in brackets, may hold blanks. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Its own time and that of its children, as user and in the kernel: fields 14 to 17, counted from 1.
  const ticks = fields.slice(11, 15).map(Number);
  return ticks.reduce((sum, each) => sum + each, 0) * TICK_MS;
}

/** @param rollup content of /proc/PID/smaps_rollup. */
export function memoryOf(rollup: string): Memory {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) * 1024;
  return { rss: bytes('Rss'), pss: bytes('Pss'), uss: bytes('Private_Clean') + bytes('Private_Dirty') };
}

/** @param command content of /proc/PID/cmdline. */
export function roleOf(command: string): string {
  const words = command.split('\0').filter(Boolean);
  const script = words.findIndex((word) => /\/main\.ts$|\/local\.ts$/.test(word));
  const path = words[script] ?? '';
  if (path.endsWith('services/main.ts')) return words[script + 1] ?? 'service';
  if (path.endsWith('broker/main.ts')) return 'broker';
  if (path.endsWith('services/local.ts')) return 'supervisor';
  const program = words[0]?.split(/[ /]/).find((part) => /^(?:npm|postgres:?)$/.test(part));
  return (program ?? words[0]?.split('/').at(-1) ?? '').replace(':', '');
}

/** Processor time by role, in milliseconds. */
export function cpuByRole(uses: readonly ProcessUse[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { role, cpuMs } of uses) sums.set(role, (sums.get(role) ?? 0) + cpuMs);
  return sums;
}
