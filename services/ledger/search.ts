import { setImmediate as breathe } from 'node:timers/promises';
import type { Reader, SqlValue } from '../../platform/store/store.ts';
import { KEPT, type Kept } from './archive.ts';
import { lookedUp } from './looked-up.ts';

/** What is looked for; all of it must fit. */
export interface Filter {
  readonly correlation?: string | undefined;
  readonly subject?: string | undefined;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
}

/** Where to look: from behind `start` on, in the given direction, no further than `end`. */
interface Way {
  readonly direction: 'newest first' | 'oldest first';
  readonly start: number;
  readonly end: number;
}

interface Found {
  readonly events: readonly Kept[];
  /** How far was looked; a further search starts here. */
  readonly scanned: number;
  /** Whether there may be more beyond. */
  readonly more: boolean;
}

/** Entries of an index that are compared before others get their turn, and how often that is done for one page. */
const WINDOW = 2000;
const MAX_WINDOWS = 25;

// The most telling first: the first one given is looked up by its index, the others are compared.
const INDEXED = {
  correlation: 'correlation_id',
  subject: 'subject',
  type: 'type',
  source: 'source',
} as const;
const SQL = {
  'newest first': { beyond: '<', within: '>=', order: 'desc', last: 'min' },
  'oldest first': { beyond: '>', within: '<=', order: 'asc', last: 'max' },
} as const;

/**
 * Events in the order of keeping, at most `limit`. Two frequent values that rarely meet would have a million entries
 * compared, so a page may be short, even empty, and yet there is more.
 */
export async function search(reader: Reader, filter: Filter, way: Way, limit: number): Promise<Found> {
  const { beyond, within, order } = SQL[way.direction];
  const { indexed, compared, values } = conditionOf(filter);
  const where = [...indexed, ...compared, `seq ${beyond} $1`, `seq ${within} $2`].join(' and ');
  const events: Kept[] = [];
  let scanned = way.start;
  for (let windows = 0; windows < MAX_WINDOWS; windows += 1) {
    const window = { ...way, start: scanned };
    const end = compared.length === 0 ? way.end : await endOfWindow(reader, indexed, values, window);
    if (end === undefined) return { events, scanned, more: false };
    const missing = limit - events.length;
    const found = await reader.all<Kept>(
      `select ${KEPT} from archive where ${where} order by seq ${order} limit $3`,
      scanned,
      end,
      missing + 1,
      ...values,
    );
    events.push(...found.slice(0, missing));
    if (found.length > missing) return { events, scanned: events.at(-1)?.seq ?? scanned, more: true };
    if (compared.length === 0) return { events, scanned: events.at(-1)?.seq ?? scanned, more: false };
    scanned = end;
    await breathe();
  }
  return { events, scanned, more: true };
}

/** The numbers of what was kept from an instant on and before another; by that order, not by anybody's clock. */
export async function seqsBetween(
  reader: Reader,
  { from, to }: { readonly from: string | undefined; readonly to: string | undefined },
): Promise<{ readonly first: number; readonly end: number }> {
  const since = async (instant: string): Promise<number> => {
    const sql = 'select seq from archive where kept_at >= $1 order by kept_at, seq limit 1';
    return (await reader.get<{ seq: number }>(sql, instant))?.seq ?? Number.MAX_SAFE_INTEGER;
  };
  return {
    first: from === undefined ? 0 : await since(from),
    end: to === undefined ? Number.MAX_SAFE_INTEGER : await since(to),
  };
}

/** Places from $4 on; what is compared is hidden from the planner, which would pick an index by chance. */
function conditionOf(filter: Filter): { indexed: string[]; compared: string[]; values: SqlValue[] } {
  const given = Object.entries(INDEXED).flatMap(([name, column]) => {
    const value = filter[name as keyof Filter];
    return value === undefined ? [] : [{ column, value: lookedUp(value) }];
  });
  const conditions = given.map(({ column }, index) =>
    index === 0 ? `${column} = $4` : `${column} || '' = $${index + 4}`,
  );
  return {
    indexed: conditions.slice(0, 1),
    compared: conditions.slice(1),
    values: given.map(({ value }) => value),
  };
}

async function endOfWindow(
  reader: Reader,
  indexed: readonly string[],
  values: readonly SqlValue[],
  { direction, start, end }: Way,
): Promise<number | undefined> {
  const { beyond, within, order, last } = SQL[direction];
  const where = [...indexed, `seq ${beyond} $1`, `seq ${within} $2`].join(' and ');
  const row = await reader.get<{ seq: number | null }>(
    `select ${last}(seq) as seq from
       (select seq from archive where ${where} order by seq ${order} limit $3) as entries`,
    start,
    end,
    WINDOW,
    ...values.slice(0, 1),
  );
  return row?.seq ?? undefined;
}
