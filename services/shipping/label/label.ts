import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import fontkit from '@pdf-lib/fontkit';
import bwip from 'bwip-js/node';
import { PDFDocument, type PDFFont, type PDFPage } from 'pdf-lib';
import type { Destination, Label } from './shipment.ts';

/** What stands on a label. */
export interface LabelContent {
  readonly orderId: string;
  readonly destination: Destination;
  readonly label: Label;
}

const MM = 72 / 25.4;
/** A6, the size of the carriers' labels. */
const PAGE = { width: 105 * MM, height: 148 * MM };
const MARGIN = 6 * MM;
const INNER = PAGE.width - 2 * MARGIN;
const SENDER = ['Tradewind', 'Speicherstraße 1', '20457 Hamburg', 'DE'];
const BARCODE_HEIGHT = 22 * MM;
/** Scanners want ten modules of white on each side. */
const QUIET_MODULES = 10;

/** Draws a parcel's label. The same content gives the same bytes. */
export async function renderLabel({ orderId, destination, label }: LabelContent): Promise<Uint8Array> {
  const document = await PDFDocument.create();
  document.registerFontkit(fontkit);
  const [regular, bold] = await Promise.all([
    embed(document, 'DejaVuSans'),
    embed(document, 'DejaVuSans-Bold'),
  ]);
  const at = new Date(label.preparedAt);
  document.setTitle(`Label ${label.trackingNumber}`);
  document.setCreationDate(at);
  document.setModificationDate(at);
  const page = document.addPage([PAGE.width, PAGE.height]);
  const pen = new Pen(page);
  pen.write(SENDER.join(' · '), regular, 7);
  pen.rule();
  for (const [index, line] of addressLines(destination).entries())
    pen.write(line, index === 0 ? bold : regular, 13);
  pen.rule();
  pen.write(`Order ${orderId}`, regular, 9);
  drawBarcode(page, label.trackingNumber);
  centre(page, label.trackingNumber, bold, 12, MARGIN);
  return document.save();
}

/** Lines of an address, top to bottom. */
export function addressLines({ address }: Destination): string[] {
  const { recipient, line1, line2, postalCode, city, country } = address;
  return [recipient, line1, line2 ?? '', `${postalCode} ${city}`.trim(), country]
    .filter(Boolean)
    .map(printable);
}

/** Writes from the top of the page downwards; what is too long for a line becomes smaller. */
class Pen {
  readonly #page: PDFPage;
  #y = PAGE.height - MARGIN;

  constructor(page: PDFPage) {
    this.#page = page;
  }

  write(text: string, font: PDFFont, size: number): void {
    const fitting = Math.min(size, (size * INNER) / Math.max(1, font.widthOfTextAtSize(text, size)));
    this.#y -= size * 1.35;
    this.#page.drawText(text, { x: MARGIN, y: this.#y, size: fitting, font });
  }

  rule(): void {
    this.#y -= 3 * MM;
    this.#page.drawLine({
      start: { x: MARGIN, y: this.#y },
      end: { x: PAGE.width - MARGIN, y: this.#y },
      thickness: 0.7,
    });
    this.#y -= 1 * MM;
  }
}

/** Code 128, drawn as rectangles: bars and spaces alternate. */
function drawBarcode(page: PDFPage, text: string): void {
  // oxlint-disable-next-line import/no-named-as-default-member -- the named export is the symbology called raw
  const [symbol] = bwip.raw('code128', text, {});
  if (!symbol || !('sbs' in symbol)) throw new Error(`"${text}" cannot be a barcode`);
  const modules = symbol.sbs.reduce((sum, width) => sum + width, 2 * QUIET_MODULES);
  const module = INNER / modules;
  let x = MARGIN + QUIET_MODULES * module;
  for (const [index, width] of symbol.sbs.entries()) {
    const isBar = index % 2 === 0;
    if (isBar) page.drawRectangle({ x, y: MARGIN + 7 * MM, width: width * module, height: BARCODE_HEIGHT });
    x += width * module;
  }
}

function centre(page: PDFPage, text: string, font: PDFFont, size: number, y: number): void {
  page.drawText(text, { x: (PAGE.width - font.widthOfTextAtSize(text, size)) / 2, y, size, font });
}

const fonts = new Map<string, Promise<Buffer>>();

async function embed(document: PDFDocument, name: string): Promise<PDFFont> {
  let bytes = fonts.get(name);
  if (!bytes) {
    bytes = readFile(createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`));
    fonts.set(name, bytes);
  }
  // The name is given, because the library would else add a random part to it.
  return document.embedFont(await bytes, { subset: true, customName: name });
}

/** Line breaks and other control characters have no place in a line. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
}
