import { recurring } from '../../platform/service.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import { latestSeq } from './archive.ts';
import type { Deps } from './deps.ts';

const EVERY_MS = 10_000;
/** Numbers whose sizes are summed up once, so that nobody has to add up a million. */
const CHUNK = 1000;
const MAX_OPEN = 20 * CHUNK;
/** What goes in one transaction: few enough, and short enough, to hold nobody up. */
const MAX_ROWS = 100;
const MAX_BYTES = 4 * 1024 * 1024;

/** Removes the oldest events: those past their time, and those beyond the size of the archive. */
export const pruneArchive = recurring<never, Deps>('prune-archive', EVERY_MS, async (tx, { now, deps }) => {
  if (await sumUp(tx)) return true;
  const { ARCHIVE_RETENTION: keepMs, ARCHIVE_MAX_BYTES: maxBytes } = deps.settings;
  const before = new Date(now.getTime() - keepMs).toISOString();
  const excess = (await archiveBytes(tx)) - maxBytes;
  const oldest = await tx.all<Oldest>(
    'select seq, size, kept_at as "keptAt" from archive order by seq limit $1',
    MAX_ROWS,
  );
  const due = dueOf(oldest, { before, excess });
  await remove(tx, due);
  return due.length > 0;
});

/** Bytes of attributes and data of all that is kept; of what is not summed up yet only so much is looked at. */
export async function archiveBytes(reader: Reader): Promise<number> {
  const { bytes, last } = await sums(reader);
  const open = await reader.get<{ bytes: number | null }>(
    'select sum(size) as bytes from (select size from archive where seq >= $1 order by seq limit $2) as entries',
    last === null ? 0 : (last + 1) * CHUNK,
    MAX_OPEN,
  );
  return (bytes ?? 0) + (open?.bytes ?? 0);
}

interface Oldest {
  readonly seq: number;
  readonly size: number;
  readonly keptAt: string;
}

/** Those of the oldest that have to go: each that is old, or that lies in the excess. */
function dueOf(
  oldest: readonly Oldest[],
  { before, excess }: { readonly before: string; readonly excess: number },
): Oldest[] {
  let bytes = 0;
  const firstToStay = oldest.findIndex(({ size, keptAt }) => {
    const stays = (keptAt >= before && bytes >= excess) || bytes >= MAX_BYTES;
    bytes += size;
    return stays;
  });
  return firstToStay === -1 ? [...oldest] : oldest.slice(0, firstToStay);
}

async function remove(tx: Tx, events: readonly Oldest[]): Promise<void> {
  const last = events.at(-1);
  if (!last) return;
  await tx.run('delete from archive where seq <= $1', last.seq);
  for (const [chunk, own] of Map.groupBy(events, ({ seq }) => chunkOf(seq))) {
    await tx.run(
      'update archive_chunks set events = events - $2, bytes = bytes - $3 where chunk = $1',
      chunk,
      own.length,
      own.reduce((sum, { size }) => sum + size, 0),
    );
  }
  await tx.run('delete from archive_chunks where events <= 0');
}

/** Sums up the next chunk that is complete. @returns false when there is none */
async function sumUp(tx: Tx): Promise<boolean> {
  const { last } = await sums(tx);
  const next = await tx.get<{ seq: number }>(
    'select seq from archive where seq >= $1 order by seq limit 1',
    last === null ? 0 : (last + 1) * CHUNK,
  );
  if (!next) return false;
  const chunk = chunkOf(next.seq);
  // One further on: a transaction that took a number of this chunk may still be at work.
  if (chunkOf(await latestSeq(tx)) < chunk + 2) return false;
  const sum = await tx.get<{ events: number; bytes: number }>(
    'select count(*) as events, sum(size) as bytes from archive where seq >= $1 and seq < $2',
    chunk * CHUNK,
    (chunk + 1) * CHUNK,
  );
  await tx.run(
    'insert into archive_chunks (chunk, events, bytes) values ($1, $2, $3)',
    chunk,
    sum?.events ?? 0,
    sum?.bytes ?? 0,
  );
  return true;
}

async function sums(reader: Reader): Promise<{ bytes: number | null; last: number | null }> {
  const row = await reader.get<{ bytes: number | null; last: number | null }>(
    'select sum(bytes) as bytes, max(chunk) as last from archive_chunks',
  );
  return row ?? { bytes: null, last: null };
}

function chunkOf(seq: number): number {
  return Math.floor(seq / CHUNK);
}
