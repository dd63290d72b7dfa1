import { follow } from '../../services/cluster/follow.ts';
import { Ledger, nameOf } from '../../services/cluster/ledger.ts';
import { checkPrivacy, unaskedIn } from '../../services/cluster/privacy.ts';
import { judge, levelOf } from '../books.ts';
import { noneOpen } from '../letters.ts';
import { BAD_CARD, confirmed, place, ship, watchOf } from '../orders.ts';
import { SERVICES, type Case, type Stage } from '../stage.ts';

export const shipped: Case = {
  name: 'shipped',
  what: 'an order is confirmed, shipped and paid once',
  async run(context) {
    const before = await levelOf(context.stage);
    const order = await place(context.stage);
    context.say(`placed order ${order.id}`);
    await confirmed(context, order);
    await ship(context, order);
    await judge(context, [order], before);
  },
};

export const declined: Case = {
  name: 'declined',
  what: 'a declined card closes the parcel, frees the goods and takes no money',
  async run(context) {
    const { stage, say } = context;
    const before = await levelOf(stage);
    const order = await place(stage, BAD_CARD);
    say(`placed order ${order.id} with a card that is declined`);
    await follow(watchOf(context), order, 'is rejected, its parcel closed, its goods free', async () => {
      const { status, payment } = await order.view();
      const state = await stage.shop.see('shipping', `/api/shipments/${order.shipmentId}`, 'state');
      const { onHand, reserved } = await levelOf(stage);
      const free = onHand === before.onHand && reserved === before.reserved;
      return status === 'rejected' && payment.status === 'declined' && state === 'closed' && free;
    });
    const payment = await stage.shop.look<{ entries: readonly unknown[] }>(
      'payment',
      `/api/payments/${order.id}`,
    );
    if (payment?.entries.length !== 0)
      throw new Error(`payment's ledger has entries for ${order.id}, whose card was declined`);
    await noneOpen(context, order.id);
  },
};

export const address: Case = {
  name: 'address',
  what: 'a changed address reaches shipping alone, and stands in nobody’s archive',
  async run(context) {
    const { stage, say } = context;
    const order = await place(stage);
    say(`placed order ${order.id}`);
    await confirmed(context, order);
    const before = await unasked(stage);
    await order.move();
    await follow(watchOf(context), order, 'has its new address accepted', async () => {
      const { requests } = await order.view();
      const outcome = requests.find(({ kind }) => kind === 'address')?.outcome ?? 'pending';
      if (outcome !== 'pending' && outcome !== 'accepted')
        throw new Error(`the new address of order ${order.id} is ${outcome}`);
      return outcome === 'accepted';
    });
    await ship(context, order);
    const parcel = await stage.shop.look<{ address?: { line1: string } }>(
      'shipping',
      `/api/shipments/${order.shipmentId}`,
    );
    if (parcel?.address?.line1 !== order.newStreet)
      throw new Error(`the parcel of order ${order.id} did not leave for the new address`);
    await byTheLedger(stage, order.id);
    await checkPrivacy(new Ledger(stage.shop), order, true);
    const after = await unasked(stage);
    const curious = SERVICES.filter((name) => (after.get(name) ?? 0) > (before.get(name) ?? 0));
    if (curious.length > 0)
      throw new Error(`the changed address was delivered to ${curious.join(' and ')}, too`);
    await noneOpen(context, order.id);
    say('nobody but shipping was given the address');
  },
};

/** What followed from the change was said by shipping and by nobody else. */
async function byTheLedger({ shop }: Stage, orderId: string): Promise<void> {
  const ledger = new Ledger(shop);
  const cause = await shop.wait(`the ledger keeps shipment.readdressed of order ${orderId}`, async () => {
    const events = await ledger.events({ correlation: orderId });
    return events.find(({ type }) => nameOf(type) === 'shipment.readdressed')?.causationid;
  });
  const events = await ledger.events({ correlation: orderId });
  const stranger = events.find(
    ({ causationid, source }) => causationid === cause && source !== '/tradewind/shipping',
  );
  if (stranger)
    throw new Error(`${stranger.source} has said ${nameOf(stranger.type)} because of the new address`);
}

/** Events that each service but shipping was given without asking, over all of its Pods. */
async function unasked(stage: Stage): Promise<ReadonlyMap<string, number>> {
  const others = SERVICES.filter((name) => name !== 'shipping');
  const counts = others.map(async (name): Promise<[string, number]> => {
    const pages = await stage.metrics(name);
    return [name, pages.reduce((sum, page) => sum + unaskedIn(page), 0)];
  });
  return new Map(await Promise.all(counts));
}
