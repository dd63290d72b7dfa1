export function code(text: string): string {
  return `\`${text}\``;
}

/** A table; a bar in a cell stays text. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(line).join('\n');
}

/** A table with columns of one width, as prettier wants it on a page that people edit too. */
export function alignedTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const wide = (row: readonly string[]) => row.map((text, column) => text.padEnd(widths[column] ?? 0));
  const rule = widths.map((width) => '-'.repeat(width));
  return [wide(head), rule, ...rows.map(wide)].map(line).join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.map(cell).join(' | ')} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
