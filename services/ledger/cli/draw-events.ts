import { explain } from '../words.ts';
import type { KeptEvent, WholeEvent } from './answers.ts';
import type { Look } from './context.ts';
import { shortType } from './names.ts';
import { table } from './table.ts';
import { clock, cut, dayAndClock, wrap } from './text.ts';

/** Events as a table, in the order they are given. */
export function drawList(events: readonly KeptEvent[], look: Look): string {
  if (events.length === 0) return 'No kept event fits.';
  return table<KeptEvent>(
    [
      { title: 'KEPT (UTC)', of: ({ keptAt }) => dayAndClock(keptAt) },
      { title: 'TYPE', of: ({ type }) => shortType(type), least: 12 },
      { title: 'ABOUT', of: ({ subject }) => subject ?? '-', least: 12 },
      { title: 'ID', of: ({ id }) => id },
    ],
    events,
    look,
  );
}

/** One event of a live stream; as wide as a row of the shop's own events needs. */
export function drawTail({ keptAt, type, subject, id }: KeptEvent, { paint }: Look): string {
  const name = cut(shortType(type), 28).padEnd(28);
  return `${paint('dim', clock(keptAt))}  ${paint('bold', name)}  ${cut(subject ?? '-', 18).padEnd(18)}  ${id}`;
}

const MAX_VALUE = 2000;

/** Names and values below each other; what has no value is left out. */
export function drawFields(
  fields: readonly (readonly [string, string | undefined])[],
  { paint, width }: Look,
): string {
  const there = fields.filter(([, value]) => value !== undefined && value !== '');
  const names = Math.max(...there.map(([name]) => name.length));
  return there
    .map(([name, value = '']) => {
      const lines = wrap(cut(value, MAX_VALUE), width, ' '.repeat(names + 4));
      return `  ${paint('dim', name.padEnd(names))}  ${lines.trimStart()}`;
    })
    .join('\n');
}

/** All that is known of an event; `body` and `curl` are printable already. */
export function drawEvent(
  { attributes, keptAt, arrivals, seq }: WholeEvent,
  body: string,
  curl: string,
  look: Look,
): string {
  const { type = '', subject } = attributes;
  const kept = `${keptAt} as number ${seq}${arrivals > 1 ? `, came ${arrivals} times` : ''}`;
  return [
    look.paint('bold', [shortType(type), subject].filter(Boolean).join('  ')),
    drawFields([...Object.entries(attributes), ['kept', kept]], look),
    section('Data', body, look),
    `\n${look.paint('bold', 'Post it again')}\n${curl}`,
  ].join('\n');
}

/** A part of an answer that has lines of its own. */
export function section(title: string, text: string, { paint }: Look): string {
  return `\n${paint('bold', title)}\n${text.replace(/^/gm, '  ')}`;
}

/** What a receiver said; where none did, brokers make up a status for their own words. */
export function drawAnswer({
  code,
  answer,
}: {
  readonly code: number | null;
  readonly answer: string;
}): string {
  const made = answer.startsWith('dispatch error');
  return [made ? undefined : code, explain(answer).reason].filter(Boolean).join(' ');
}
