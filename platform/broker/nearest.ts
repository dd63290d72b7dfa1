import type { TriggerManifest } from './manifests.ts';

/**
 * Says which Trigger comes nearest to an event that none wants, and what keeps it from matching: most events that
 * vanish have a typing mistake in their type or lack one attribute.
 */
export function nearestTrigger(
  triggers: readonly TriggerManifest[],
  attributes: Readonly<Record<string, string>>,
): string | undefined {
  let best: { hits: number; distance: number; text: string } | undefined;
  for (const trigger of triggers) {
    const wanted = Object.entries(trigger.attributes ?? {});
    const misses = wanted.filter(
      ([name, value]) => !(value === '' ? attributes[name] : attributes[name] === value),
    );
    const hits = wanted.length - misses.length;
    const distance = misses.reduce((sum, [name, value]) => sum + differenceOf(attributes[name], value), 0);
    if (best && (best.hits > hits || (best.hits === hits && best.distance <= distance))) continue;
    best = {
      hits,
      distance,
      text: `${trigger.name} wants ${misses.map(([name, value]) => wish(name, value)).join(' and ')}`,
    };
  }
  return best?.text;
}

function wish(name: string, value: string): string {
  return value === '' ? `any ${name}` : `${name} "${value}"`;
}

function differenceOf(actual: string | undefined, wanted: string): number {
  return actual === undefined ? wanted.length : editDistance(actual.slice(0, 100), wanted);
}

/** Levenshtein's, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, char] of a.split('').entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const replaced = (row[j] ?? 0) + (char === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
