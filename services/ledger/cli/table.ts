import { cut, type Paint } from './text.ts';

export interface Column<Row> {
  readonly title: string;
  of(row: Row): string;
  /** Characters that it may be cut down to. What is copied into the next command is never cut. */
  readonly least?: number;
  readonly right?: boolean;
}

const GAP = '  ';

/** Rows below their titles, cut to `width` where columns allow it. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width, paint }: { readonly width: number; readonly paint: Paint },
): string {
  const cells = rows.map((row) => columns.map((column) => cut(column.of(row), Number.POSITIVE_INFINITY)));
  const widths = fit(
    columns.map(({ title, least }, index) => {
      const natural = Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0));
      return { natural, least: Math.max(title.length, Math.min(natural, least ?? natural)) };
    }),
    width - GAP.length * (columns.length - 1),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const size = widths[index] ?? 0;
        return columns[index]?.right ? text.padStart(size) : cut(text, size).padEnd(size);
      })
      .join(GAP)
      .trimEnd();
  return [paint('dim', line(columns.map(({ title }) => title))), ...cells.map(line)].join('\n');
}

/** Takes from the widest first, until all fit or nothing more may be taken. */
function fit(columns: readonly { natural: number; least: number }[], width: number): number[] {
  const widths = columns.map(({ natural }) => natural);
  for (let over = widths.reduce((sum, each) => sum + each, 0) - width; over > 0; over -= 1) {
    const spare = widths.filter((each, index) => each > (columns[index]?.least ?? 0));
    if (spare.length === 0) break;
    const widest = widths.findIndex(
      (each, index) => each === Math.max(...spare) && each > (columns[index]?.least ?? 0),
    );
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}
