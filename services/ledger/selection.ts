import { setImmediate as breathe } from 'node:timers/promises';
import { problems } from '../../platform/errors.ts';
import type { Reader, SqlValue } from '../../platform/store/store.ts';

/** What a person picks: all that meets every condition named. Times are when it was kept, or died. */
export type Selection = {
  /** Nothing that came after this instant, ISO 8601 in UTC. */
  readonly until: string;
} & (
  | {
      readonly of: 'dead-letters';
      readonly select: LetterSelection;
      /** Also what is no CloudEvent, and can go nowhere. */
      readonly unreadable?: true;
    }
  | { readonly of: 'events'; readonly select: EventSelection }
);

interface Shared {
  readonly all?: true | undefined;
  readonly type?: string | undefined;
  readonly correlation?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Dead letters; only open ones, since a closed one is settled. */
export interface LetterSelection extends Shared {
  readonly ids?: readonly number[] | undefined;
  readonly subscriber?: string | undefined;
  readonly cause?: string | undefined;
  readonly state?: 'open' | 'waiting' | 'held' | undefined;
}

/** Kept events. */
export interface EventSelection extends Shared {
  readonly ids?: readonly string[] | undefined;
  readonly source?: string | undefined;
  readonly subject?: string | undefined;
}

/** A stretch of the order of keeping: from behind `after` up to `until`. */
export interface Range {
  readonly after: number;
  readonly until: number;
}

/** What a selection has picked. */
export interface Extent extends Range {
  readonly total: number;
}

/** Something picked: all of it but its data, which may be large. */
export interface Picked {
  readonly seq: number;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly at: string;
  readonly arrivals: number;
  /** Bytes. */
  readonly size: number;
  readonly partitionKey: string | undefined;
  /** Of a dead letter, as its cause. */
  readonly subscriber?: string;
  readonly cause?: string;
}

interface Row extends Omit<Picked, 'partitionKey'> {
  readonly partition_key?: string | null;
  readonly attributes?: string;
}

const tables = {
  'dead-letters': {
    name: 'dead_letters',
    columns: {
      type: 'type',
      cause: 'cause',
      subscriber: 'subscriber',
      correlation: 'correlation_id',
      ids: 'seq',
    },
    row: `seq, coalesce(id, '') as id, coalesce(source, '') as source, coalesce(type, '') as type, subject,
      died_at as at, arrivals, size, partition_key, subscriber, cause`,
  },
  events: {
    name: 'archive',
    columns: { type: 'type', source: 'source', subject: 'subject', correlation: 'correlation_id', ids: 'id' },
    row: 'seq, id, source, type, subject, kept_at as at, arrivals, size, attributes',
  },
} as const;

/** Rows looked at before others get their turn: what is picked may lie anywhere in millions. */
const WINDOW = 2000;

/** Looks for what a selection picks. */
export async function extentOf(reader: Reader, selection: Selection): Promise<Extent> {
  const range = await rangeOf(reader, selection);
  return { ...range, total: await count(reader, selection, range) };
}

/** @throws Problem 422 when nothing was picked: a slip of the pen, mostly. */
export function refuseNothing({ of }: Selection, { total }: Extent): void {
  if (total > 0) return;
  const message =
    of === 'events'
      ? 'fits no kept event; GET /api/events shows what there is'
      : 'fits no open dead letter that can be dealt with so; GET /api/dead-letters shows what there is';
  throw problems.invalid(`select: ${message}`, [{ field: 'select', message }]);
}

/** The stretch in which everything selected lies. */
async function rangeOf(reader: Reader, selection: Selection): Promise<Range> {
  const { name } = tables[selection.of];
  const row = await reader.get<{ first: number | null; last: number | null }>(
    `select (select min(seq) from ${name}) as first, (select max(seq) from ${name}) as last`,
  );
  const [after, until] = [(row?.first ?? 1) - 1, row?.last ?? 0];
  if (selection.of === 'dead-letters') return { after, until };
  // Events have numbers in the order of their times, so that times need not be compared; letters die again.
  const { from, to } = selection.select;
  const last = async (comparison: '<' | '<=', time: string): Promise<number> => {
    const sql = `select seq from archive where kept_at ${comparison} $1 order by kept_at desc, seq desc limit 1`;
    return (await reader.get<{ seq: number }>(sql, time))?.seq ?? 0;
  };
  const end = Math.min(until, await last('<=', selection.until));
  return {
    after: from === undefined ? after : Math.max(after, await last('<', from)),
    until: to === undefined ? end : Math.min(end, await last('<', to)),
  };
}

/** What is picked from a stretch, in order, at most `limit`; `scanned` is how far was looked. */
export async function pick(
  reader: Reader,
  selection: Selection,
  range: Range,
  limit: number,
): Promise<{ readonly picked: readonly Picked[]; readonly scanned: number }> {
  const { name, row } = tables[selection.of];
  const { where, values } = condition(selection);
  const sql = `select ${row} from ${name} where ${where} order by seq limit $${values.length + 3}`;
  const picked: Picked[] = [];
  for (const { after, until } of windows(range)) {
    const rows = await reader.all<Row>(sql, after, until, ...values, limit - picked.length);
    picked.push(...rows.map(asPicked));
    const last = picked.at(-1);
    if (last && picked.length === limit) return { picked, scanned: last.seq };
    await breathe();
  }
  return { picked, scanned: range.until };
}

/** How many are picked from a stretch. */
async function count(reader: Reader, selection: Selection, range: Range): Promise<number> {
  const { where, values } = condition(selection);
  const sql = `select count(*) as found from ${tables[selection.of].name} where ${where}`;
  let total = 0;
  for (const { after, until } of windows(range)) {
    total += (await reader.get<{ found: number }>(sql, after, until, ...values))?.found ?? 0;
    await breathe();
  }
  return total;
}

function* windows({ after, until }: Range): Generator<Range> {
  for (let start = after; start < until; start += WINDOW) {
    yield { after: start, until: Math.min(start + WINDOW, until) };
  }
}

/** The condition on a row of a stretch ($1, $2), and the values from $3 on. */
function condition(selection: Selection): { readonly where: string; readonly values: readonly SqlValue[] } {
  const values: SqlValue[] = [];
  const place = (value: SqlValue): string => `$${values.push(value) + 2}`;
  const select = new Map<string, unknown>(Object.entries(selection.select));
  const terms = Object.entries(tables[selection.of].columns).flatMap(([field, column]) => {
    const wanted = [select.get(field) ?? []].flat() as SqlValue[];
    return wanted.length > 0 ? [`${column} in (${wanted.map(place).join(', ')})`] : [];
  });
  if (selection.of === 'dead-letters') terms.push(...deaths(selection, place));
  return { where: ['seq > $1 and seq <= $2', ...terms].join(' and '), values };
}

/**
 * Open letters that died in time. Said so that no index of states or times is used: there may be a million open ones,
 * but a window of the primary key is short.
 */
function deaths(
  { select, until, unreadable }: Extract<Selection, { of: 'dead-letters' }>,
  place: (value: SqlValue) => string,
): string[] {
  return [
    OTHER_STATES[select.state ?? 'open'],
    `died_at || '' <= ${place(until)}`,
    ...(select.from === undefined ? [] : [`died_at || '' >= ${place(select.from)}`]),
    ...(select.to === undefined ? [] : [`died_at || '' < ${place(select.to)}`]),
    ...(unreadable ? [] : ['attributes is not null']),
  ];
}

const OTHER_STATES = {
  open: "state <> 'closed'",
  waiting: "state <> 'closed' and state <> 'held'",
  held: "state <> 'closed' and state <> 'waiting'",
} as const;

function asPicked({ partition_key, attributes, ...row }: Row): Picked {
  const key =
    attributes === undefined
      ? partition_key
      : (JSON.parse(attributes) as Record<string, string>)['partitionkey'];
  return { ...row, partitionKey: key ?? undefined };
}
