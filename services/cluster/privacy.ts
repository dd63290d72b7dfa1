import { nameOf, type Ledger } from './ledger.ts';
import type { Order } from './order.ts';

/** What carries addresses and contacts, and therefore goes to one receiver each. */
const CONFIDENTIAL = ['shop.tradewind.customer.updated.v1', 'shop.tradewind.order.addressed.v1'];
const READDRESSED = 'shop.tradewind.shipment.readdressed.v1';
const ADDRESS_CHANGE = 'shop.tradewind.customer.updated.v1';
/** What the ledger keeps has no type here, for it may be any, but was asked for. */
const UNASKED = /type="",outcome="(?:not_of_interest|ignored)"/;

/** How many events a service was given without asking for them, address changes among them, by its metrics. */
export function unaskedIn(metrics: string): number {
  const lines = metrics.split('\n').filter((line) => line.startsWith('tradewind_events_total'));
  const unasked = lines.filter((line) => UNASKED.test(line) || line.includes(ADDRESS_CHANGE));
  return unasked.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/**
 * Looks in what the ledger keeps for an order's address.
 * @param moved whether shipping has taken a new address
 * @throws Error naming the event that tells too much, or too little
 */
export async function checkPrivacy(ledger: Ledger, order: Order, moved: boolean): Promise<void> {
  for (const type of CONFIDENTIAL) {
    const [kept] = await ledger.events({ type });
    if (kept) throw new Error(`the ledger keeps ${nameOf(type)} ${kept.id}, which is confidential`);
  }
  const events = await ledger.events({ correlation: order.id });
  for (const event of events) {
    const whole = await ledger.whole(event);
    const text = JSON.stringify(whole);
    // The address itself must not come into a log, not even now.
    if (order.confidential.some((each) => text.includes(each)))
      throw new Error(`the ledger keeps ${nameOf(event.type)} ${event.id}, which holds the order's address`);
    if (event.type === READDRESSED) namesWhatChanged(whole.data, order);
  }
  const changes = events.filter(({ type }) => type === READDRESSED).length;
  if (changes !== Number(moved))
    throw new Error(
      `the ledger keeps ${changes} shipment.readdressed of an order that moved ${moved ? 'once' : 'too late'}`,
    );
}

/** Who follows a parcel learns that its address is another one, not which. */
function namesWhatChanged(data: unknown, { id, shipmentId }: Order): void {
  const { orderId, shipmentId: parcel, revision } = (data ?? {}) as Readonly<Record<string, unknown>>;
  if (orderId === id && parcel === shipmentId && typeof revision === 'number') return;
  throw new Error(`shipment.readdressed of ${id} does not name its order, its parcel and the revision`);
}
