import type { Font } from './font.ts';
import { visualRuns } from './bidi.ts';

export interface Text {
  readonly text: string;
  readonly font: Font;
}

/** Lines that fit their place. */
export interface Block {
  readonly lines: readonly { readonly font: Font; readonly runs: readonly string[] }[];
  readonly size: number;
  readonly leading: number;
}

const LEADING = 1.3;
const SMALLEST = 5;

/** Breaks texts into lines, as large as the place allows and `largest` at most. */
export function fit(texts: readonly Text[], width: number, largest: number, height: number): Block {
  const printable = texts.map(({ text, font }) => ({ font, text: font.printable(text) }));
  for (let size = largest; ; size -= 1) {
    const lines = printable.flatMap(({ font, text }) =>
      wrap(text, font, size, width).map((line) => ({ font, runs: visualRuns(line) })),
    );
    const leading = size * LEADING;
    if (lines.length * leading <= height || size <= SMALLEST) return { lines, size, leading };
  }
}

/** Breaks between words, and inside a word that is too long for a line. */
function wrap(text: string, font: Font, size: number, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (font.widthOf(longer, size) <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = '';
    for (const character of word) {
      if (font.widthOf(line + character, size) > width) {
        lines.push(line);
        line = '';
      }
      line += character;
    }
  }
  return line === '' ? lines : [...lines, line];
}
