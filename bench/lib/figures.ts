/** A figure, what it should be, and whether it is. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly met: boolean;
}

const figures: Figure[] = [];

/** Prints a figure at once, and keeps it for the table. */
export function report(figure: Figure): void {
  figures.push(figure);
  console.log(JSON.stringify(figure));
}

/** Prints all figures so far. */
export function printTable(): void {
  console.table(figures.map(({ value, ...rest }) => ({ ...rest, value: Math.round(value * 100) / 100 })));
}
