import { messageOf } from '../platform/errors.ts';
import type { Order } from '../services/cluster/order.ts';
import { noneOpen } from './letters.ts';
import { ship, SKU } from './orders.ts';
import { READ_CHARGES } from './programs.ts';
import type { Context, Stage } from './stage.ts';

/** How many orders are looked at together. */
const AT_ONCE = 8;
/** After so many faults no further order is looked at. */
const ENOUGH = 5;

/** Pieces of the article, as inventory has them. */
export interface Level {
  readonly onHand: number;
  readonly reserved: number;
}

type Kind = 'captured' | 'voided' | 'refunded';

/** What the payment provider has in its own books, in minor units. */
type Charge = Readonly<Record<Kind, number>> & { readonly orderId: string };
/** PostgreSQL hands a bigint out as text. */
type ChargeRow = Readonly<Record<Kind, number | string>> & { readonly orderId: string };

interface Payment {
  readonly amount?: { readonly amount: number };
  readonly entries: readonly { readonly kind: string; readonly amount: number }[];
}

interface Parcel {
  readonly state: string;
  readonly labels: readonly { readonly revision: number }[];
}

export async function levelOf({ shop }: Stage): Promise<Level> {
  const stock = await shop.look<{ items: readonly (Level & { sku: string })[] }>('inventory', '/api/stock');
  const level = stock?.items.find(({ sku }) => sku === SKU);
  if (!level) throw new Error(`inventory has no ${SKU}`);
  return level;
}

/**
 * Sends every order off, lets all come to rest, and compares everybody's books: each order has left once, was paid
 * once and took its piece along; nothing is left over.
 * @param before the stock before the first of them
 * @throws Error with every fault that was found
 */
export async function judge(context: Context, orders: readonly Order[], before: Level): Promise<void> {
  const { stage, say } = context;
  const faults: string[] = [];
  const quiet = { stage, say: () => undefined };
  await each(orders, async (order) => {
    // Each of them may take as long as patience lasts, and the first ones tell enough.
    if (faults.length < ENOUGH)
      await ship(quiet, order).catch((error: unknown) => faults.push(messageOf(error)));
  });
  // Whoever did not get that far has told so; what its books lack tells no more.
  if (faults.length === 0) {
    const charges = await chargesOf(stage);
    await each(orders, async (order) => {
      const found = [...(await moneyFaults(stage, order, charges)), ...(await parcelFaults(stage, order))];
      faults.push(...found.map((fault) => `${order.id}: ${fault}`));
      await noneOpen(context, order.id).catch((error: unknown) => faults.push(messageOf(error)));
    });
    faults.push(...(await stockFaults(stage, before, orders.length)));
  }
  if (faults.length > 0)
    throw new Error([`${orders.length} orders, faults: ${faults.length}`, ...faults].join('\n'));
  say(`${orders.length} orders: each has left once, was paid once and took its goods along`);
}

async function each(orders: readonly Order[], look: (order: Order) => Promise<unknown>): Promise<void> {
  const left = [...orders];
  const next = async (): Promise<void> => {
    for (let order = left.shift(); order; order = left.shift()) await look(order);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

/** `undefined` where the provider is not the simulated one. */
async function chargesOf(stage: Stage): Promise<readonly Charge[] | undefined> {
  const read = JSON.parse(await stage.run('payment', READ_CHARGES, {})) as readonly ChargeRow[] | null;
  return read?.map((row) => ({
    orderId: row.orderId,
    captured: Number(row.captured),
    voided: Number(row.voided),
    refunded: Number(row.refunded),
  }));
}

/** What is wrong with the money, by the service's ledger and by the provider's books. */
async function moneyFaults(
  { shop }: Stage,
  { id }: Order,
  charges: readonly Charge[] | undefined,
): Promise<string[]> {
  const payment = await shop.look<Payment>('payment', `/api/payments/${id}`);
  if (!payment?.amount) return ['payment has not heard of it'];
  const { amount } = payment.amount;
  const told = payment.entries
    .filter(({ kind }) => kind === 'captured' || kind === 'refunded')
    .map((entry) => `${entry.kind} ${entry.amount}`);
  const own = charges?.filter(({ orderId, captured }) => orderId === id && captured > 0);
  const open = charges?.filter((charge) => charge.orderId === id && charge.captured + charge.voided === 0);
  const taken = own?.map(({ captured, refunded }) => captured - refunded) ?? [amount];
  return [
    ...(told.join() === `captured ${amount}`
      ? []
      : [`payment's ledger has ${told.join(', ') || 'nothing taken'}, not captured ${amount} once`]),
    ...(taken.join() === `${amount}`
      ? []
      : [`the provider took ${taken.join(' and ') || 'nothing'}, not ${amount} once`]),
    ...(open?.length ? [`the provider still holds ${open.length} authorizations`] : []),
  ];
}

async function parcelFaults({ shop }: Stage, { shipmentId }: Order): Promise<string[]> {
  const parcel = await shop.look<Parcel>('shipping', `/api/shipments/${shipmentId}`);
  if (!parcel) return ['shipping has not heard of it'];
  const revisions = parcel.labels.map(({ revision }) => revision);
  return [
    ...(['dispatched', 'delivered'].includes(parcel.state) ? [] : [`its parcel is ${parcel.state}`]),
    ...(new Set(revisions).size === revisions.length && revisions.length > 0
      ? []
      : [`its parcel has labels for the addresses ${revisions.join(', ') || 'none'}`]),
  ];
}

/** Inventory hears of a departure a little later. */
async function stockFaults(stage: Stage, before: Level, left: number): Promise<string[]> {
  const wanted = `${before.onHand - left} on hand, ${before.reserved} set aside`;
  let seen = '';
  return stage.shop
    .wait('the stock adds up', async () => {
      const { onHand, reserved } = await levelOf(stage);
      seen = `${onHand} on hand, ${reserved} set aside`;
      return seen === wanted ? [] : undefined;
    })
    .catch(() => [`the stock has ${seen}, not ${wanted}`]);
}
