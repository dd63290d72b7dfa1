import { styleText } from 'node:util';

/** How text is coloured, or not. */
export type Paint = (style: 'bold' | 'dim' | 'red' | 'yellow', text: string) => string;

export const plain: Paint = (_style, text) => text;
export const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false });

// Control and formatting characters can move the cursor, retitle a terminal or turn the direction of what follows.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text with everything that a terminal would act on written as an escape. Line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => (char === '\n' || char === '\t' ? char : escaped(char)));
}

/** The same for every string of an answer, however deep. */
export function calm<T>(value: T): T {
  if (typeof value === 'string') return printable(value) as T;
  if (Array.isArray(value)) return value.map(calm) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [printable(name), calm(member)]),
  ) as T;
}

/** JSON that is safe on a terminal and still the same JSON. @param indent 0: one line. */
export function toJson(value: unknown, indent = 2): string {
  // What is left unprintable after this stands inside strings, apart from the line ends of the layout.
  return printable(JSON.stringify(value, undefined, indent));
}

/** On one line, at most `width` characters long. */
export function cut(text: string, width: number): string {
  const line = text.replace(/[\n\t]/g, ' ');
  const characters = Array.from(line);
  return characters.length > width ? `${characters.slice(0, Math.max(0, width - 1)).join('')}…` : line;
}

/** Broken into lines of at most `width` characters, each begun by `indent`. A longer word has a line of its own. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (line !== '' && indent.length + longer.length > width) {
        lines.push(line);
        line = word;
      } else line = longer;
    }
    lines.push(line);
  }
  return lines.map((line) => (indent + line).trimEnd()).join('\n');
}

/** `1 event`, `2 events`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** A length of time for people, in its two largest units: `12 ms`, `1.2 s`, `3 min 5 s`, `2 d 4 h`. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const at = UNITS.findIndex(([, size]) => ms >= size);
  const [unit, size] = UNITS[at] ?? UNITS[3];
  const next = UNITS[at + 1];
  const rest = next ? Math.floor((ms % size) / next[1]) : 0;
  return `${Math.floor(ms / size)} ${unit}${next && rest > 0 ? ` ${rest} ${next[0]}` : ''}`;
}

/** How long ago an instant was. */
export function ago(instant: string, now: Date): string {
  return `${span(Math.max(0, now.getTime() - Date.parse(instant)))} ago`;
}

/** `14:02:11.120` of an instant, UTC; of one in a form of its own whatever stands there. */
export function clock(instant: string): string {
  const ms = Date.parse(instant);
  return Number.isNaN(ms) ? instant : new Date(ms).toISOString().slice(11, 23);
}

/** `08-01 14:02:11` of an ISO 8601 instant, UTC. */
export function dayAndClock(instant: string): string {
  return `${instant.slice(5, 10)} ${instant.slice(11, 19)}`;
}

function escaped(char: string): string {
  // By UTF-16 unit, as JSON writes it.
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
