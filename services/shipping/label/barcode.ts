import bwip from 'bwip-js/node';

/** A bar of a barcode, in modules from its left end. */
export interface Bar {
  readonly start: number;
  readonly width: number;
}

/** Scanners want that much white on each side. */
export const QUIET_MODULES = 10;

/** A text as Code 128. Bars are drawn, not painted as an image: they stay sharp on every printer. */
export function barsOf(text: string): { readonly bars: readonly Bar[]; readonly modules: number } {
  // oxlint-disable-next-line import/no-named-as-default-member -- the named export is the symbology called raw
  const [symbol] = bwip.raw('code128', text, {});
  if (!symbol || !('sbs' in symbol)) throw new Error(`"${text}" cannot be a barcode`);
  const bars: Bar[] = [];
  let modules = 0;
  for (const [index, width] of symbol.sbs.entries()) {
    if (index % 2 === 0) bars.push({ start: modules, width });
    modules += width;
  }
  return { bars, modules };
}
