const ISO = /^PT(?=\d)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?$/;
const SHORT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads an ISO 8601 time duration such as `PT0.2S`, the only form that Knative manifests take.
 * @returns milliseconds, or `undefined` when the text is something else.
 */
export function parseIsoDuration(text: string): number | undefined {
  const match = ISO.exec(text);
  if (!match) return undefined;
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  return Math.round(Number(hours) * 3_600_000 + Number(minutes) * 60_000 + Number(seconds) * 1000);
}

/**
 * Reads a duration as people type it: `500ms`, `2s`, `5m`, `1h`, `3d`, or ISO 8601 (`PT2S`).
 * @returns milliseconds, or `undefined` when the text is neither.
 */
export function parseDuration(text: string): number | undefined {
  const match = SHORT.exec(text);
  if (!match) return parseIsoDuration(text);
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0));
}

/** Writes milliseconds as people type a duration: in the largest unit that needs no fraction. */
export function formatDuration(ms: number): string {
  const fitting = Object.entries(UNITS).filter(([, size]) => ms >= size && ms % size === 0);
  const [unit, size] = fitting.at(-1) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
