import { messageOf } from '../../platform/errors.ts';
import { diagnose } from './hops.ts';
import type { Ledger } from './ledger.ts';
import type { Order } from './order.ts';
import type { RemoteShop } from './shop.ts';

/** Who follows an order, and whom to tell. */
export interface Watch {
  readonly shop: RemoteShop;
  readonly ledger: Ledger | undefined;
  /** What the names of the Triggers begin with. */
  readonly triggerPrefix: string;
  readonly say: (line: string) => void;
}

/** Waits for a state of an order. @throws Error naming the hops that failed, when it does not come */
export async function follow(
  { shop, ledger, triggerPrefix, say }: Watch,
  order: Order,
  what: string,
  reached: () => Promise<boolean>,
): Promise<void> {
  try {
    await shop.wait(`order ${order.id} ${what}`, async () => ((await reached()) ? true : undefined));
  } catch (error) {
    const hops = await diagnose(shop, order, triggerPrefix, ledger).catch(messageOf);
    throw new Error(`${messageOf(error)}\n${hops}`, { cause: error });
  }
  say(`order ${order.id} ${what}`);
}
