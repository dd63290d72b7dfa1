import { inWords, nameOf, type DeadLetter, type Ledger } from './ledger.ts';
import type { Order } from './order.ts';
import type { RemoteShop } from './shop.ts';

/** An event on its way to one service. */
interface Hop {
  readonly event: string;
  readonly to: string;
}

/** What a parcel that waits says it waits for, and the events that would bring it. */
const AWAITED: readonly [RegExp, Hop][] = [
  [/its order/, { event: 'order.placed', to: 'shipping' }],
  [/its address/, { event: 'order.addressed', to: 'shipping' }],
  [/its payment/, { event: 'payment.authorized', to: 'shipping' }],
  [/its stock/, { event: 'stock.reserved', to: 'shipping' }],
];

/**
 * Says which events did not get where they should, as far as the services themselves can tell, and what the ledger has
 * of that: its dead letters, and the story of the order.
 */
export async function diagnose(
  shop: RemoteShop,
  order: Order,
  prefix: string,
  ledger?: Ledger,
): Promise<string> {
  const heard = await order.heard();
  const hops = [
    ...(await paymentHops(shop, order, heard)),
    ...(await shippingHops(shop, order, heard)),
    ...stockHops(heard),
  ];
  const letters = (await ledger?.openLetters(order.id)) ?? [];
  const lines = hops.map((hop) => {
    const trigger = `${prefix}${hop.to}-${hop.event.replaceAll('.', '-')}`;
    const ended = letters.filter((letter) => isOf(letter, hop, shop.urlOf(hop.to))).map(inWords);
    return [`${hop.event} did not reach ${hop.to}: see Trigger ${trigger}`, ...ended].join('\n  ');
  });
  const nothing = 'every event that was asked for has arrived; the services work on it';
  return [...(lines.length > 0 ? lines : [nothing]), ...(ledger ? [await ledger.story(order.id)] : [])].join(
    '\n',
  );
}

/** A Service is called by its name alone, and by its whole one in what a broker says. */
function isOf({ event, subscriber }: DeadLetter, hop: Hop, url: string): boolean {
  if (nameOf(event?.type ?? '') !== hop.event || !URL.canParse(subscriber)) return false;
  const [failed, wanted] = [new URL(subscriber).host, new URL(url).host];
  return failed === wanted || failed.startsWith(`${wanted}.`);
}

async function paymentHops(shop: RemoteShop, { id }: Order, heard: ReadonlySet<string>): Promise<Hop[]> {
  const status = await shop.see('payment', `/api/payments/${id}`, 'status');
  if (status === undefined || status === 'waiting') return [{ event: 'order.placed', to: 'payment' }];
  const event = `payment.${status}`;
  return status.endsWith('ing') || heard.has(event) ? [] : [{ event, to: 'storefront' }];
}

async function shippingHops(shop: RemoteShop, order: Order, heard: ReadonlySet<string>): Promise<Hop[]> {
  const path = `/api/shipments/${order.shipmentId}`;
  const state = await shop.see('shipping', path, 'state');
  if (state === undefined) return [{ event: 'order.placed', to: 'shipping' }];
  if (state === 'closed') return [];
  if (state !== 'waiting') {
    const event = `shipment.${state}`;
    return heard.has(event) ? [] : [{ event, to: 'storefront' }];
  }
  // Only the refusal to send it off tells in words what it waits for.
  const { body } = await shop.staff('shipping', 'POST', `${path}/dispatch`);
  return AWAITED.flatMap(([words, hop]) => (words.test(body) ? [hop] : []));
}

/** Inventory has no word on a single order: what it said is known by who heard it. */
function stockHops(heard: ReadonlySet<string>): Hop[] {
  return heard.has('stock.reserved') || heard.has('stock.rejected')
    ? []
    : [
        { event: 'order.placed', to: 'inventory' },
        { event: 'stock.reserved', to: 'storefront' },
      ];
}
