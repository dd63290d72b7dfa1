import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { perOrder } from '../../bench/engines.ts';
import { root } from '../support/root.ts';

const bench = (...args: string[]) =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'bench/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
  });

describe('the command line of the bench', () => {
  it('explains itself', () => {
    const { stdout, status } = bench('--help');
    expect(status).toBe(0);
    expect(stdout).toContain('--database-url');
  });

  it.each([
    [['--rounds', 'two'], '--rounds must be a whole number above zero, not "two"'],
    [['engine'], 'there is no "engine"'],
    [['--database'], "Unknown option '--database'"],
  ])('refuses %j with a reason', (args, reason) => {
    const { stderr, status } = bench(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(reason);
  });
});

describe('the cost of an order', () => {
  it('is what was used between two moments, for each of the orders', () => {
    const before = { cpu: new Map([['payment', 100]]), counts: { commits: 10, statements: 50 } };
    const after = {
      cpu: new Map([
        ['payment', 400],
        ['postgres', 50],
      ]),
      counts: { commits: 310, statements: undefined },
    };
    const { cpu, counts } = perOrder(before, after, 100);
    expect([...cpu]).toEqual([
      ['payment', 3],
      ['postgres', 0.5],
    ]);
    expect(counts).toEqual({ commits: 3, statements: undefined });
  });
});
