import { judge, levelOf } from '../books.ts';
import { isFor, lettersOf, noneOpen } from '../letters.ts';
import { confirmed, place } from '../orders.ts';
import type { Case, Context } from '../stage.ts';

export const shippingAway = away('shipping');
export const paymentAway = away('payment');

/**
 * A service that is scaled to zero while its events come. No class keeps them for it longer than the Broker's delivery
 * budget: then they are dead letters, which the ledger brings to it again.
 */
function away(service: string): Case {
  return {
    name: `${service}-away`,
    what: `an order of a time when ${service} had no Pod ends as shipped, without anyone’s doing`,
    async run(context) {
      const { stage, say } = context;
      const before = await levelOf(stage);
      await stage.scale(service, 0);
      try {
        say(`${service} has no Pod`);
        const order = await place(stage);
        say(`placed order ${order.id}`);
        if (service === 'shipping') await order.move();
        await givenUp(context, service, order.id);
        await stage.scale(service, 1);
        say(`${service} is back`);
        await confirmed(context, order);
        await judge(context, [order], before);
        await redriven(context, service, order.id);
      } finally {
        await stage.scale(service, 1);
      }
    },
  };
}

/** Waits until the broker has given up bringing the order to the service. */
async function givenUp({ stage, say }: Context, service: string, orderId: string): Promise<void> {
  await stage.shop.wait(`the ledger has a dead letter of ${orderId} for ${service}`, async () => {
    const open = await lettersOf(stage, orderId, 'open');
    const own = open.find((letter) => isFor(letter, stage, service) || letter.cause === 'unknown');
    if (own && own.state !== 'waiting')
      throw new Error(`dead letter ${own.id} of ${orderId} does not go again by itself: ${own.words}`);
    return own;
  });
  say(`${stage.brokerClass} has kept nothing for ${service}: what it gave up waits in the ledger`);
}

async function redriven(context: Context, service: string, orderId: string): Promise<void> {
  await noneOpen(context, orderId);
  const closed = await lettersOf(context.stage, orderId, 'closed');
  const other = closed.find(({ outcome }) => outcome !== 'redriven');
  if (other) throw new Error(`dead letter ${other.id} of ${orderId} was ${other.outcome}, not redriven`);
  context.say(`the ledger has brought ${closed.length} dead letters to ${service}`);
}
