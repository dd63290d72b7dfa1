import type { WireEvent } from '../../platform/cloudevents.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import { lookedUp } from './looked-up.ts';

/** An event that is kept, without what may be large. `seq` is the order of keeping. */
export interface Kept {
  readonly seq: number;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  /** Its own `time`, as it came. */
  readonly happenedAt: string | null;
  readonly keptAt: string;
  readonly arrivals: number;
  /** Bytes of attributes and data. */
  readonly size: number;
}

/** Columns of {@link Kept}. */
export const KEPT = `seq, id, source, type, subject, correlation_id as "correlationId", causation_id as "causationId",
  happened_at as "happenedAt", kept_at as "keptAt", arrivals, size`;

/**
 * Keeps an event as it was on the wire.
 * @param replay which replay brought it, if any: that it came again is no news then
 * @returns false when it is kept already: only its arrival is counted
 */
export async function keep(tx: Tx, event: WireEvent, now: Date, replay?: string): Promise<boolean> {
  const { id = '', source = '', type = '', subject, correlationid, causationid, time } = event.attributes;
  const attributes = JSON.stringify(event.attributes);
  const again = replay === undefined ? 'do update set arrivals = archive.arrivals + 1' : 'do nothing';
  const row = await tx.get<{ arrivals: number }>(
    `insert into archive (id, source, type, subject, correlation_id, causation_id, happened_at, kept_at, arrivals, size,
       attributes, data)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11)
     on conflict (id, source) ${again}
     returning arrivals`,
    id,
    source,
    lookedUp(type),
    subject === undefined ? null : lookedUp(subject),
    correlationid === undefined ? null : lookedUp(correlationid),
    causationid ?? null,
    time ?? null,
    now.toISOString(),
    Buffer.byteLength(attributes) + (event.data?.length ?? 0),
    attributes,
    event.data ?? null,
  );
  return row?.arrivals === 1;
}

/** Events that have an id, at most ten: every source gives its own. @param source empty: whichever */
export function eventsWithId(reader: Reader, id: string, source = ''): Promise<Kept[]> {
  return reader.all(
    `select ${KEPT} from archive where id = $1 and ($2 = '' or source = $2) order by source limit 10`,
    id,
    source,
  );
}

/** An event as it was on the wire; `undefined` when it is not kept. */
export async function wholeEvent(reader: Reader, seq: number): Promise<WireEvent | undefined> {
  const row = await reader.get<{ attributes: string; data: Uint8Array | null }>(
    'select attributes, data from archive where seq = $1',
    seq,
  );
  if (!row) return undefined;
  const attributes = JSON.parse(row.attributes) as WireEvent['attributes'];
  return { attributes, data: row.data === null ? undefined : Buffer.from(row.data) };
}

/** The highest number given so far, 0 when nothing is kept. */
export async function latestSeq(reader: Reader): Promise<number> {
  const row = await reader.get<{ seq: number | null }>('select max(seq) as seq from archive');
  return row?.seq ?? 0;
}
