import { documents } from '../../platform/store/documents.ts';
import { ConflictError } from '../../platform/store/errors.ts';
import type { Reader, SqlValue, Tx } from '../../platform/store/store.ts';
import type { Line, Movement, Reservation, Shortage } from './decide.ts';

export interface Level {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly available: number;
  readonly revision: number;
}

export const reservations = documents<Reservation>(
  'reservations',
  'order_id',
  (reservation) => reservation.orderId,
  {
    hold: (reservation) => reservation.hold,
  },
);

const level = `sku, on_hand as "onHand", reserved, on_hand - reserved as available, revision`;

/**
 * Sets every line aside, or none: one statement that changes nothing unless all of them can be had.
 * @returns what is short; empty when everything was set aside.
 * @throws ConflictError when the stock moved meanwhile, so that it must be decided again.
 */
export async function reserve(tx: Tx, lines: readonly Line[]): Promise<Shortage[]> {
  // The condition stands on the row as well: a statement that had to wait for another transaction looks again at the
  // row that it changes, and at nothing else.
  const changed = await tx.run(
    `${locked(tx, lines)}
     update stock set reserved = stock.reserved + wanted.quantity, revision = stock.revision + 1
     from wanted join locked on locked.sku = wanted.sku
     where stock.sku = wanted.sku and stock.on_hand - stock.reserved >= wanted.quantity and not exists (
       select 1 from wanted left join locked on locked.sku = wanted.sku
       where locked.sku is null or locked.available < wanted.quantity)`,
    ...values(lines),
  );
  if (changed === lines.length) return [];
  const short = changed === 0 ? await shortages(tx, lines) : [];
  if (short.length === 0) throw new ConflictError('the stock moved during a reservation');
  return short;
}

/** Puts what was set aside back on sale, or takes it off the shelf. */
export async function move(tx: Tx, lines: readonly Line[], movement: Movement): Promise<void> {
  const shelf = movement === 'commit' ? 'on_hand = stock.on_hand - wanted.quantity,' : '';
  tx.send(
    `${locked(tx, lines)}
     update stock set ${shelf} reserved = stock.reserved - wanted.quantity, revision = stock.revision + 1
     from wanted join locked on locked.sku = wanted.sku where stock.sku = wanted.sku`,
    ...values(lines),
  );
}

/** Adds goods that arrived. @returns the new level, or `undefined` for an unknown article. */
export function addGoods(tx: Tx, sku: string, quantity: number): Promise<Level | undefined> {
  return tx.get<Level>(
    `update stock set on_hand = on_hand + $2, revision = revision + 1 where sku = $1 returning ${level}`,
    sku,
    quantity,
  );
}

/** Books a receipt under its reference. @returns the quantity booked before, when there was one. */
export async function bookReceipt(
  tx: Tx,
  receipt: { sku: string; reference: string; quantity: number },
  now: Date,
): Promise<number | undefined> {
  const inserted = await tx.run(
    `insert into receipts (sku, reference, quantity, received_at) values ($1, $2, $3, $4)
     on conflict (sku, reference) do nothing`,
    receipt.sku,
    receipt.reference,
    receipt.quantity,
    now.toISOString(),
  );
  if (inserted > 0) return undefined;
  const before = await tx.get<{ quantity: number }>(
    'select quantity from receipts where sku = $1 and reference = $2',
    receipt.sku,
    receipt.reference,
  );
  return before?.quantity;
}

/** Adds an article with its opening stock. @returns false when it is there already. */
export async function addArticle(tx: Tx, sku: string, quantity: number): Promise<boolean> {
  const inserted = await tx.run(
    'insert into stock (sku, on_hand, reserved, revision) values ($1, $2, 0, 1) on conflict (sku) do nothing',
    sku,
    quantity,
  );
  return inserted > 0;
}

export function findLevel(reader: Reader, sku: string): Promise<Level | undefined> {
  return reader.get<Level>(`select ${level} from stock where sku = $1`, sku);
}

export function listLevels(reader: Reader): Promise<Level[]> {
  return reader.all<Level>(`select ${level} from stock order by sku`);
}

function shortages(reader: Reader, lines: readonly Line[]): Promise<Shortage[]> {
  return reader.all<Shortage>(
    `${wanted(lines)}
     select wanted.sku, wanted.quantity as wanted, coalesce(stock.on_hand - stock.reserved, 0) as available
     from wanted left join stock on stock.sku = wanted.sku
     where coalesce(stock.on_hand - stock.reserved, 0) < wanted.quantity order by wanted.sku`,
    ...values(lines),
  );
}

function wanted(lines: readonly Line[]): string {
  const rows = lines.map(
    (_, index) => `(cast($${index * 2 + 1} as text), cast($${index * 2 + 2} as integer))`,
  );
  return `with wanted (sku, quantity) as (values ${rows.join(', ')})`;
}

/** Orders that want the same articles lock them in the same order: none waits for another in a circle. */
function locked({ dialect }: Tx, lines: readonly Line[]): string {
  return `${wanted(lines)}, locked as (
    select sku, on_hand - reserved as available from stock
    where sku in (select sku from wanted) order by sku ${dialect.forUpdate})`;
}

function values(lines: readonly Line[]): SqlValue[] {
  return lines.flatMap((line) => [line.sku, line.quantity]);
}
