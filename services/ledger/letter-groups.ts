import type { Sample } from '../../platform/service.ts';
import type { Reader } from '../../platform/store/store.ts';
import type { Cause } from './cause.ts';

/** Open letters that are alike. */
export interface LetterGroup {
  readonly subscriber: string;
  readonly type: string | null;
  readonly cause: Cause;
  readonly code: number | null;
  readonly waiting: number;
  readonly held: number;
  readonly oldest: string;
  readonly newest: string;
  /** The latest of them. */
  readonly example: number;
}

type OpenState = 'waiting' | 'held';
type Row = Omit<LetterGroup, OpenState> & { readonly count: number };

/** Open letters by who failed, what it was, and why; the largest groups first. */
export async function groupsOf(
  reader: Reader,
  states: readonly OpenState[],
  limit: number,
): Promise<LetterGroup[]> {
  const groups = new Map<string, LetterGroup>();
  for (const state of states) {
    // In the order of the index, which has everything that is asked for.
    const rows = await reader.all<Row>(
      `select subscriber, cause, type, code, count(*) as count, min(died_at) as oldest, max(died_at) as newest,
         max(seq) as example
       from dead_letters where state = $1 group by subscriber, cause, type, code`,
      state,
    );
    for (const row of rows) {
      const key = JSON.stringify([row.subscriber, row.cause, row.type, row.code]);
      groups.set(key, joined(groups.get(key), row, state));
    }
  }
  return [...groups.values()].toSorted((a, b) => sizeOf(b) - sizeOf(a)).slice(0, limit);
}

export function sizeOf({ waiting, held }: LetterGroup): number {
  return waiting + held;
}

function joined(other: LetterGroup | undefined, { count, ...row }: Row, state: OpenState): LetterGroup {
  if (!other) return { ...row, waiting: 0, held: 0, [state]: count };
  return {
    ...other,
    [state]: count,
    oldest: other.oldest < row.oldest ? other.oldest : row.oldest,
    newest: other.newest > row.newest ? other.newest : row.newest,
    example: Math.max(other.example, row.example),
  };
}

/** Whoever can post dead letters must not be able to fill the metrics: beyond these, subscribers are one. */
const MAX_SAMPLES = 100;

/** Milliseconds that a number for the metrics holds: each looks at all open letters, and scrapes may come often. */
const FRESH_MS = 5000;

/** Reads a number at most once at a time, and not again before it is stale; each database has its own. */
function seldom<T>(
  read: (reader: Reader, now: Date) => Promise<T>,
): (reader: Reader, now: Date) => Promise<T> {
  const known = new WeakMap<Reader, { value: Promise<T>; until: number }>();
  return (reader, now) => {
    const last = known.get(reader);
    if (last && now.getTime() < last.until) return last.value;
    const entry = { value: read(reader, now), until: Infinity };
    known.set(reader, entry);
    entry.value.then(
      () => (entry.until = now.getTime() + FRESH_MS),
      () => known.delete(reader),
    );
    return entry.value;
  };
}

/** How many letters are open, by subscriber and cause. */
export const openSamples = seldom(async (reader): Promise<Sample[]> => {
  const rows = await reader.all<{ subscriber: string; cause: string; value: number }>(
    `select subscriber, cause, count(*) as value from dead_letters where state in ('waiting', 'held')
     group by state, subscriber, cause`,
  );
  const counts = new Map<string, Sample>();
  for (const { subscriber, cause, value } of rows.toSorted((a, b) => b.value - a.value)) {
    const own = JSON.stringify([subscriber, cause]);
    const isOwn = counts.has(own) || counts.size < MAX_SAMPLES;
    const labels = { subscriber: isOwn ? subscriber : 'other', cause };
    const key = isOwn ? own : JSON.stringify(['other', cause]);
    counts.set(key, { labels, value: value + (counts.get(key)?.value ?? 0) });
  }
  return [...counts.values()];
});

/** Seconds since the oldest open letter died. */
export const oldestSeconds = seldom(async (reader, now): Promise<number> => {
  const row = await reader.get<{ waiting: string | null; held: string | null }>(
    `select (select min(died_at) from dead_letters where state = 'waiting') as waiting,
       (select min(died_at) from dead_letters where state = 'held') as held`,
  );
  const [oldest] = [row?.waiting, row?.held].filter((at) => typeof at === 'string').toSorted();
  return oldest === undefined ? 0 : Math.max(0, (now.getTime() - Date.parse(oldest)) / 1000);
});

/** How many letters were given up and wait for a person. */
export const givenUp = seldom(async (reader): Promise<number> => {
  const row = await reader.get<{ count: number }>(
    "select count(*) as count from dead_letters where state = 'held' and given_up_at > ''",
  );
  return row?.count ?? 0;
});
