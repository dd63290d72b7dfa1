import { PDFDocument, type PDFPage } from 'pdf-lib';
import type { Address } from '../../../events/shapes.ts';
import type { Label } from '../shipment.ts';
import { barsOf, QUIET_MODULES } from './barcode.ts';
import { embedFont, type Font } from './font.ts';
import { fit, type Block } from './fit.ts';

/** What stands on a label. */
export interface LabelContent {
  readonly orderId: string;
  readonly sender: string;
  readonly label: Label;
  readonly address: Address;
}

const MM = 72 / 25.4;
/** A6, the size of the carriers' labels. */
const PAGE = { width: 105 * MM, height: 148 * MM };
const MARGIN = 6 * MM;
const INNER = PAGE.width - 2 * MARGIN;
const BARCODE = { y: MARGIN + 7 * MM, height: 22 * MM };
const ORDER_Y = BARCODE.y + BARCODE.height + 4 * MM;
const GAP = 4 * MM;

/** Draws a parcel's label. The same content gives the same bytes. */
export async function renderLabel(content: LabelContent): Promise<Uint8Array> {
  const { orderId, sender, label, address } = content;
  const document = await PDFDocument.create();
  const [regular, bold] = [
    await embedFont(document, 'DejaVuSans'),
    await embedFont(document, 'DejaVuSans-Bold'),
  ];
  stamp(document, label);
  const page = document.addPage([PAGE.width, PAGE.height]);

  const senderBottom = write(
    page,
    PAGE.height - MARGIN,
    fit([{ text: sender, font: regular }], INNER, 7, 40),
  );
  rule(page, senderBottom - GAP / 2);
  const top = senderBottom - GAP;
  const addressee = addressLines(address).map((text, index) => ({
    text,
    font: index === 0 ? bold : regular,
  }));
  write(page, top, fit(addressee, INNER, 14, top - ORDER_Y - 2 * GAP));
  rule(page, ORDER_Y + GAP);
  write(page, ORDER_Y + 9, fit([{ text: `Order ${orderId}`, font: regular }], INNER, 8, 9));
  drawBarcode(page, label.trackingNumber);
  centre(page, label.trackingNumber, bold);
  return document.save();
}

/** Lines of an address, top to bottom; the country in words, as the post of the sending country reads it. */
function addressLines({ recipient, line1, line2, postalCode, city, country }: Address): string[] {
  const name = countries.of(country)?.toUpperCase();
  return [
    recipient,
    line1,
    line2 ?? '',
    `${postalCode} ${city}`.trim(),
    name === undefined ? country : `${name} (${country})`,
  ].filter(Boolean);
}

const countries = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

/** The library would else write the time of the rendering, and no two prints were alike. */
function stamp(document: PDFDocument, { trackingNumber, preparedAt }: Label): void {
  const at = new Date(preparedAt);
  document.setTitle(`Label ${trackingNumber}`);
  document.setCreationDate(at);
  document.setModificationDate(at);
}

/** @returns the height at which the block ends. */
function write(page: PDFPage, top: number, { lines, size, leading }: Block): number {
  let y = top;
  for (const { font, runs } of lines) {
    y -= leading;
    let x = MARGIN;
    for (const text of runs) {
      page.drawText(text, { x, y: y + leading - size, size, font: font.pdf });
      x += font.widthOf(text, size);
    }
  }
  return y;
}

function rule(page: PDFPage, y: number): void {
  page.drawLine({ start: { x: MARGIN, y }, end: { x: PAGE.width - MARGIN, y }, thickness: 0.7 });
}

function drawBarcode(page: PDFPage, text: string): void {
  const { bars, modules } = barsOf(text);
  const module = INNER / (modules + 2 * QUIET_MODULES);
  for (const { start, width } of bars) {
    const x = MARGIN + (QUIET_MODULES + start) * module;
    page.drawRectangle({ x, y: BARCODE.y, width: width * module, height: BARCODE.height });
  }
}

function centre(page: PDFPage, text: string, font: Font): void {
  const size = 11;
  page.drawText(text, { x: (PAGE.width - font.widthOf(text, size)) / 2, y: MARGIN, size, font: font.pdf });
}
