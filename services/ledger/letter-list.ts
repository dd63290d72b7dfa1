import { setImmediate as breathe } from 'node:timers/promises';
import type { Reader, SqlValue } from '../../platform/store/store.ts';
import { ENTRY, type LetterEntry } from './letters.ts';

/** Which letters; all of it must fit. Times are when they died. */
export interface LetterFilter {
  readonly state: 'open' | 'waiting' | 'held' | 'closed';
  readonly subscriber?: string | undefined;
  readonly type?: string | undefined;
  readonly cause?: string | undefined;
  readonly correlation?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Letters that are compared before others get their turn, and how often that is done for one page. */
const WINDOW = 2000;
const MAX_WINDOWS = 25;

const OPEN = "state <> 'closed'";
// By what is left out, so that no index of states is chosen, whose order is not that of arrival.
const STATES = {
  open: OPEN,
  waiting: `${OPEN} and state <> 'held'`,
  held: `${OPEN} and state <> 'waiting'`,
  closed: "state not in ('waiting', 'held')",
} as const;

const CONDITIONS = {
  subscriber: (place: string) => `subscriber = ${place}`,
  type: (place: string) => `type = ${place}`,
  cause: (place: string) => `cause = ${place}`,
  correlation: (place: string) => `correlation_id = ${place}`,
  from: (place: string) => `died_at >= ${place}`,
  to: (place: string) => `died_at < ${place}`,
} as const;

/**
 * Letters below a number, the newest first, at most `limit`. Where a filter rarely fits a page may be short, even
 * empty, and yet there is more.
 * @returns `next`: below which number to go on, if there may be more
 */
export async function lettersPage(
  reader: Reader,
  filter: LetterFilter,
  below: number,
  limit: number,
): Promise<{ readonly items: LetterEntry[]; readonly next?: number }> {
  const { where, values } = conditionOf(filter);
  const sql = `select ${ENTRY} from dead_letters where ${where} and seq < $1 and seq >= $2 order by seq desc limit $3`;
  const items: LetterEntry[] = [];
  let start = below;
  for (let windows = 0; windows < MAX_WINDOWS; windows += 1) {
    const end = await endOfWindow(reader, filter, start);
    if (end === undefined) return { items };
    const missing = limit - items.length;
    const found = await reader.all<LetterEntry>(sql, start, end, missing + 1, ...values);
    items.push(...found.slice(0, missing));
    if (found.length > missing) return { items, next: items.at(-1)?.seq ?? start };
    start = end;
    await breathe();
  }
  return { items, next: start };
}

function conditionOf({ state, ...wanted }: LetterFilter) {
  const given = Object.entries(CONDITIONS).flatMap(([name, condition]) => {
    const value = wanted[name as keyof typeof wanted];
    return value === undefined ? [] : [{ condition, value }];
  });
  const terms = given.map(({ condition }, index) => condition(`$${index + 4}`));
  return {
    where: [STATES[state], ...terms].join(' and '),
    values: given.map(({ value }): SqlValue => value),
  };
}

async function endOfWindow(
  reader: Reader,
  { state, correlation }: LetterFilter,
  start: number,
): Promise<number | undefined> {
  const byState = state === 'closed' ? STATES.closed : OPEN;
  const [base, values] = correlation === undefined ? [byState, []] : ['correlation_id = $3', [correlation]];
  const row = await reader.get<{ seq: number | null }>(
    `select min(seq) as seq from
       (select seq from dead_letters where ${base} and seq < $1 order by seq desc limit $2) as entries`,
    start,
    WINDOW,
    ...values,
  );
  return row?.seq ?? undefined;
}
