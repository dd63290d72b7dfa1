import type { Result } from './runner.ts';

/** Results in the XML of JUnit, as build servers read it. */
export function junit(suite: string, results: readonly Result[]): string {
  const count = (outcome: Result['outcome']): number =>
    results.filter((each) => each.outcome === outcome).length;
  const seconds = results.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  const totals = `tests="${results.length}" failures="${count('failed')}" errors="0"`;
  const attributes = `name="${escaped(suite)}" ${totals} skipped="${count('skipped')}" time="${seconds.toFixed(3)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals} time="${seconds.toFixed(3)}">`,
    `<testsuite ${attributes}>`,
    ...results.map((result) => testcase(suite, result)),
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testcase(suite: string, { name, what, outcome, durationMs, reason = '', said }: Result): string {
  const attributes = `classname="${escaped(suite)}" name="${escaped(`${name}: ${what}`)}" time="${(durationMs / 1000).toFixed(3)}"`;
  const [headline = ''] = reason.split('\n', 1);
  const ends = {
    passed: '',
    failed: `<failure message="${escaped(headline)}">${escaped(reason)}</failure>`,
    skipped: `<skipped message="${escaped(headline)}"/>`,
  };
  const output = said.length > 0 ? `<system-out>${escaped(said.join('\n'))}</system-out>` : '';
  return `<testcase ${attributes}>${ends[outcome]}${output}</testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** What XML 1.0 cannot hold, not even escaped; `u` makes a half of a surrogate pair one of these. */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

function escaped(text: string): string {
  return text.replace(FORBIDDEN, '\u{fffd}').replace(/[&<>"]/g, (each) => ENTITIES[each] ?? each);
}
