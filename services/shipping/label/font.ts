import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import fontkit from '@pdf-lib/fontkit';
import anyAscii from 'any-ascii';
import type { PDFDocument, PDFFont } from 'pdf-lib';

/** A font in a document, with the characters that it can show. */
export interface Font {
  readonly pdf: PDFFont;
  widthOf(text: string, size: number): number;
  /** The text in characters of this font: what it lacks is written in Latin letters instead. */
  printable(text: string): string;
}

const files = new Map<string, Promise<Buffer>>();

export async function embedFont(document: PDFDocument, name: string): Promise<Font> {
  document.registerFontkit(fontkit);
  let bytes = files.get(name);
  if (!bytes) {
    bytes = readFile(createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`));
    files.set(name, bytes);
  }
  // The name is given, because the library would else add a random part to it.
  const pdf = await document.embedFont(await bytes, { subset: true, customName: name });
  const known = new Set(pdf.getCharacterSet());
  return {
    pdf,
    widthOf: (text, size) => pdf.widthOfTextAtSize(text, size),
    printable: (text) =>
      Array.from(clean(text), (character) =>
        known.has(character.codePointAt(0) ?? 0) ? character : anyAscii(character),
      ).join(''),
  };
}

/** Line breaks and other controls have no place in a line. */
function clean(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
    .trim();
}
