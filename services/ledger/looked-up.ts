/** Longest value that is looked up, in bytes: an index row of PostgreSQL takes 2,704. */
export const MAX_LOOKED_UP = 512;

/** As much of a value as fits into an index. */
export function lookedUp(value: string, max = MAX_LOOKED_UP): string {
  const bytes = Buffer.from(value);
  return bytes.length <= max ? value : bytes.toString('utf8', 0, max).replace(/\uFFFD+$/, '');
}
