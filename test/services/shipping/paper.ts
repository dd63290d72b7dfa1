import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PDFiumLibrary } from '@hyzyla/pdfium';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';

/** A printed page, as a person and a scanner read it. */
export interface Paper {
  readonly pages: number;
  /** Size in millimetres. */
  readonly width: number;
  readonly height: number;
  readonly text: string;
  readonly barcodes: readonly { readonly format: string; readonly text: string }[];
  readonly image: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray };
}

const MM = 25.4 / 72;
/** Pixels per point: 203 dots per inch, as a label printer has them. */
const SCALE = 203 / 72;

/** To make it ready takes longer than to print many pages. */
let printer: Promise<PDFiumLibrary> | undefined;

/** Prints a PDF by PDFium and holds the page under ZXing's scanner. */
export async function print(pdf: Uint8Array): Promise<Paper> {
  printer ??= PDFiumLibrary.init();
  const document = await (await printer).loadDocument(pdf);
  try {
    const page = document.getPage(0);
    const { originalWidth, originalHeight } = page.getOriginalSize();
    const text = page.getText();
    const { width, height, data } = await page.render({ scale: SCALE, render: 'bitmap' });
    const image = { width, height, data: rgbaOf(data) };
    return {
      pages: document.getPageCount(),
      width: originalWidth * MM,
      height: originalHeight * MM,
      text,
      barcodes: await scan(image),
      image,
    };
  } finally {
    document.destroy();
  }
}

async function scan(image: Paper['image']): Promise<Paper['barcodes']> {
  const file = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm');
  const { buffer } = new Uint8Array(await readFile(file));
  // It would else be fetched from the network.
  prepareZXingModule({ overrides: { wasmBinary: buffer } });
  const found = await readBarcodes({ ...image, colorSpace: 'srgb' });
  return found.map(({ format, text }) => ({ format, text }));
}

/** PDFium paints blue first. */
function rgbaOf(bgra: Uint8Array): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(bgra);
  for (let at = 0; at < rgba.length; at += 4) {
    rgba[at] = bgra[at + 2] ?? 0;
    rgba[at + 2] = bgra[at] ?? 0;
  }
  return rgba;
}
