import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { cpuByRole, cpuMsOf, memoryOf, roleOf, usesBelow } from '../../bench/lib/processes.ts';

const command = (...words: string[]): string => `${words.join('\0')}\0`;

describe('what a process has used', () => {
  it('is its own processor time and that of children that have ended, whatever its program is called', () => {
    const stat = '7 (a) name (b) S 1 7 7 0 -1 4194304 500 600 7 8 250 50 30 20 20 0 11 0 9000 1 2';
    expect(cpuMsOf(stat)).toBe(3500);
  });

  it('is what it holds alone, in proportion, and with all that others hold too', () => {
    const rollup = [
      'Rss:              102400 kB',
      'Pss:               61440 kB',
      'Pss_Anon:          51200 kB',
      'Private_Clean:      1024 kB',
      'Private_Dirty:     50176 kB',
    ].join('\n');
    const mb = 1024 ** 2;
    expect(memoryOf(rollup)).toEqual({ rss: 100 * mb, pss: 60 * mb, uss: 50 * mb });
  });

  it.each([
    ['payment', command('/n/bin/node', '--flag', '/app/services/main.ts', 'payment')],
    ['broker', command('node', '/app/platform/broker/main.ts')],
    ['supervisor', command('node', '--flag', 'services/local.ts', '--processes')],
    ['npm', command('npm start --silent -- --data x')],
    ['postgres', command('/tmp/native/bin/postgres', '-D', '/tmp/data')],
    ['postgres', command('postgres: shop shop 127.0.0.1(50000) idle')],
    ['sh', command('/bin/sh', '-c', 'something')],
  ])('belongs to %s', (role, line) => {
    expect(roleOf(line)).toBe(role);
  });

  it('adds up by role', () => {
    const memory = { rss: 1, pss: 1, uss: 1 };
    const uses = [
      { role: 'postgres', cpuMs: 10, memory },
      { role: 'payment', cpuMs: 1, memory },
      { role: 'postgres', cpuMs: 5, memory },
    ];
    expect([...cpuByRole(uses)]).toEqual([
      ['postgres', 15],
      ['payment', 1],
    ]);
  });

  const onLinux = existsSync('/proc/self/stat') ? it : it.skip;
  onLinux('grows with the work of this very process', async () => {
    const [before] = await usesBelow(process.pid);
    const busyUntil = process.cpuUsage().user + 200_000;
    while (process.cpuUsage().user < busyUntil);
    const [after] = await usesBelow(process.pid);
    expect((after?.cpuMs ?? Number.NaN) - (before?.cpuMs ?? Number.NaN)).toBeGreaterThanOrEqual(150);
    expect(after?.memory.rss).toBeGreaterThan(after?.memory.uss ?? Number.NaN);
  });

  it('cannot be told of a process that is not there', async () => {
    await expect(usesBelow(2 ** 30)).rejects.toThrow('cannot be measured');
  });
});
