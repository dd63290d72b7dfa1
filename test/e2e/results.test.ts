import { describe, expect, it } from '@jest/globals';
import { junit } from '../../e2e/junit.ts';
import { runCases, summaryOf, type Result } from '../../e2e/runner.ts';
import type { Case, Stage } from '../../e2e/stage.ts';

const passed: Result = { name: 'good', what: 'all is well', outcome: 'passed', durationMs: 1500, said: [] };
const failed: Result = {
  ...passed,
  name: 'bad',
  outcome: 'failed',
  reason: 'the <broker> said "no" & left\nat once \u0007\ud800',
  said: ['a < b'],
};
const skipped: Result = { ...passed, name: 'odd', outcome: 'skipped', durationMs: 0, reason: 'no cluster' };

describe('the results as XML', () => {
  it('have every case, what it said and why it failed, with nothing in it that XML cannot hold', () => {
    expect(junit('e2e', [passed, failed, skipped]).split('\n')).toEqual([
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites tests="3" failures="1" errors="0" time="3.000">',
      '<testsuite name="e2e" tests="3" failures="1" errors="0" skipped="1" time="3.000">',
      '<testcase classname="e2e" name="good: all is well" time="1.500"></testcase>',
      '<testcase classname="e2e" name="bad: all is well" time="1.500"><failure message="the &lt;broker&gt; said &quot;no&quot; &amp; left">the &lt;broker&gt; said &quot;no&quot; &amp; left',
      'at once \u{fffd}\u{fffd}</failure><system-out>a &lt; b</system-out></testcase>',
      '<testcase classname="e2e" name="odd: all is well" time="0.000"><skipped message="no cluster"/></testcase>',
      '</testsuite>',
      '</testsuites>',
      '',
    ]);
  });
});

describe('the summary', () => {
  it('counts what passed and failed, and what was skipped if anything was', () => {
    expect(summaryOf([passed, failed, passed])).toBe('2 passed, 1 failed');
    expect(summaryOf([passed, skipped])).toBe('1 passed, 0 failed, 1 skipped');
  });
});

describe('a run', () => {
  const stage = { storage: 'sqlite' } as Stage;
  const ran: string[] = [];
  const one = (name: string, more: Partial<Case> = {}): Case => ({
    name,
    what: `${name} holds`,
    run: async ({ say }) => {
      ran.push(name);
      say(`tried ${name}`);
    },
    ...more,
  });

  it('goes on behind a case that fails, and has that written down first', async () => {
    const printed: string[] = [];
    const cases = [
      one('first', { run: () => Promise.reject(new Error('it broke\nin two')) }),
      one('second', { skip: ({ storage }) => `not on ${storage}` }),
      one('third'),
    ];
    const results = await runCases(cases, stage, {
      print: (line) => void printed.push(line),
      onFailure: async (name) => void ran.push(`report of ${name}`),
    });
    expect(ran).toEqual(['report of first', 'third']);
    expect(results.map(({ name, outcome, reason, said }) => [name, outcome, reason, said])).toEqual([
      ['first', 'failed', 'it broke\nin two', []],
      ['second', 'skipped', 'not on sqlite', []],
      ['third', 'passed', undefined, ['tried third']],
    ]);
    expect(printed.join('\n').replaceAll(/\d+\.\d s/g, '? s')).toBe(
      [
        'first: first holds',
        '  FAILED (? s)',
        '    it broke',
        '    in two',
        '- second: skipped, not on sqlite',
        'third: third holds',
        '    tried third',
        '  ok (? s)',
      ].join('\n'),
    );
  });
});
