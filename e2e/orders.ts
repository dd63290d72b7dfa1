import { follow, type Watch } from '../services/cluster/follow.ts';
import { Ledger } from '../services/cluster/ledger.ts';
import { Order } from '../services/cluster/order.ts';
import type { Context, Stage } from './stage.ts';

/** An article that there is enough of, and cards of the payment simulator. */
export const SKU = 'TW-ROPE-10';
const GOOD_CARD = 'tok_visa';
export const BAD_CARD = 'tok_declined';

/** Takes goods in, so that no case runs out of them. @param reference the same one is booked once */
export async function fillShelves({ shop }: Stage, reference: string): Promise<void> {
  const receipt = { quantity: 100_000, reference };
  const { status, body } = await shop.staff('inventory', 'POST', `/api/stock/${SKU}/receipts`, receipt);
  if (status >= 300) throw new Error(`inventory refuses goods: ${status} ${body}`);
}

/** Places an order of one piece, as a new customer. */
export function place({ shop }: Stage, card = GOOD_CARD): Promise<Order> {
  return Order.place(shop, SKU, card);
}

/** Who follows the orders of a case. */
export function watchOf({ stage: { shop, triggerPrefix }, say }: Context): Watch {
  return { shop, ledger: new Ledger(shop), triggerPrefix, say };
}

/** Waits until an order is confirmed. @throws Error at once when it is over instead */
export function confirmed(context: Context, order: Order): Promise<void> {
  return follow(watchOf(context), order, 'is confirmed', async () => {
    const { status } = await order.view();
    if (['rejected', 'cancelled', 'expired'].includes(status))
      throw new Error(`order ${order.id} is ${status}`);
    return status !== 'placed';
  });
}

/** Hands the parcel over as soon as it is prepared, and waits until it has left and is paid. */
export async function ship(context: Context, order: Order): Promise<void> {
  const { shop } = context.stage;
  const watch = watchOf(context);
  await follow({ ...watch, say: () => undefined }, order, 'is prepared', async () => {
    const path = `/api/shipments/${order.shipmentId}/dispatch`;
    return (await shop.staff('shipping', 'POST', path)).status === 200;
  });
  await follow(watch, order, 'is shipped and paid', async () => {
    const { status, payment } = await order.view();
    return ['shipped', 'delivered'].includes(status) && payment.status === 'captured';
  });
}
