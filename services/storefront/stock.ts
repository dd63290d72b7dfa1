import type { stockLevelChanged } from '../../events/stock.ts';
import type { Effects, Received } from '../../platform/service.ts';
import type { Reader, Tx } from '../../platform/store/store.ts';
import type { Emits } from './order.ts';

/** The storefront's own view of what is on sale, by article. */
export async function levels(reader: Reader): Promise<ReadonlyMap<string, number>> {
  const rows = await reader.all<{ sku: string; available: number }>(
    'select sku, available from stock_levels',
  );
  return new Map(rows.map(({ sku, available }) => [sku, available]));
}

/** What is on sale of one article; nothing before its level was heard. */
export async function levelOf(reader: Reader, sku: string): Promise<number | undefined> {
  const row = await reader.get<{ available: number }>(
    'select available from stock_levels where sku = $1',
    sku,
  );
  return row?.available;
}

export async function levelChanged(
  tx: Tx,
  { data: { sku, available, revision } }: Received<typeof stockLevelChanged>,
): Promise<Effects<Emits>> {
  const changed = await tx.run(
    `insert into stock_levels (sku, available, revision) values ($1, $2, $3)
     on conflict (sku) do update set available = excluded.available, revision = excluded.revision
     where stock_levels.revision < excluded.revision`,
    sku,
    available,
    revision,
  );
  return changed > 0 ? {} : { ignored: 'an older revision' };
}
