import { checkDoors } from './doors.ts';
import { follow } from './follow.ts';
import { Ledger } from './ledger.ts';
import { Order } from './order.ts';
import { checkPrivacy, unaskedIn } from './privacy.ts';
import type { RemoteShop } from './shop.ts';

/** What to order and how to pay, and whom to tell. */
export interface VerifyOptions {
  readonly sku: string;
  readonly goodCard: string;
  readonly badCard: string;
  /** What the names of the Triggers begin with. */
  readonly triggerPrefix: string;
  /** Whether events are brought at another port than the one that the shop is reached at. */
  readonly eventsApart: boolean;
  readonly say: (line: string) => void;
}

/** What can be looked at, in this order. */
export const CHECKS = ['ready', 'closed', 'shipped', 'declined'] as const;
export type CheckName = (typeof CHECKS)[number];

/**
 * Looks at a shop that runs: whether its services are ready, its doors closed to strangers, an order followed from click
 * to parcel, with an address that changes on the way, and one whose card is declined.
 * @throws Error saying what did not happen, and which event did not reach whom.
 */
export async function verify(
  shop: RemoteShop,
  options: VerifyOptions,
  names: readonly CheckName[] = CHECKS,
): Promise<void> {
  const check = new Check(shop, options);
  for (const name of names) await check[name]();
}

const OVER = new Set(['rejected', 'cancelled', 'expired']);
/** At the same time, so that as many connections are open: a Service leads each of them to any of its replicas. */
const LOOKS = 20;
const CAPTURED = 'shop.tradewind.payment.captured.v1';

/** What only staff may see; not one of these paths changes anything. */
const STAFF_PATHS = [
  ['payment', '/api/payments/none'],
  ['inventory', '/api/stock'],
  ['shipping', '/api/shipments?limit=1'],
  ['ledger', '/api/events?limit=1'],
] as const;

class Check {
  readonly #shop: RemoteShop;
  readonly #options: VerifyOptions;
  readonly #ledger: Ledger | undefined;

  constructor(shop: RemoteShop, options: VerifyOptions) {
    this.#shop = shop;
    this.#options = options;
    this.#ledger = shop.services.includes('ledger') ? new Ledger(shop) : undefined;
  }

  async ready(): Promise<void> {
    await Promise.all(this.#shop.services.map((name) => this.#shop.call(name, 'GET', '/readyz')));
    for (const [name, path] of STAFF_PATHS)
      if (this.#shop.services.includes(name)) await this.#shop.look(name, path);
    this.#options.say('every service is ready, and knows the staff token');
  }

  /** Nobody gets in without the staff token, and nobody brings what is no event. */
  async closed(): Promise<void> {
    await checkDoors(this.#shop, STAFF_PATHS, this.#options.eventsApart);
    this.#options.say('staff routes ask for the token, and what is no event is refused');
  }

  async shipped(): Promise<void> {
    const { sku, goodCard, say } = this.#options;
    const order = await Order.place(this.#shop, sku, goodCard);
    say(`placed order ${order.id}`);
    await this.#follow(order, 'is confirmed', async () => {
      const { status } = await order.view();
      if (OVER.has(status)) throw new Error(`order ${order.id} is ${status}`);
      return status !== 'placed';
    });
    const moved = await this.#readdressed(order);
    // It may have left by itself; then this changes nothing.
    await this.#shop.staff('shipping', 'POST', `/api/shipments/${order.shipmentId}/dispatch`);
    await this.#follow(order, 'is shipped and paid', async () => {
      const { status, payment } = await order.view();
      return ['shipped', 'delivered'].includes(status) && payment.status === 'captured';
    });
    if (this.#ledger) await this.#kept(this.#ledger, order, moved);
    else say('there is no ledger to ask what was kept');
  }

  /** No parcel, and the goods are back on the shelf. */
  async declined(): Promise<void> {
    const { sku, badCard, say } = this.#options;
    const order = await Order.place(this.#shop, sku, badCard);
    say(`placed order ${order.id} with a card that is declined`);
    await this.#follow(order, 'is rejected, its goods are free and its parcel is closed', async () => {
      const heard = await order.heard();
      const state = await this.#shop.see('shipping', `/api/shipments/${order.shipmentId}`, 'state');
      const free = heard.has('stock.reserved') === heard.has('stock.released');
      return heard.has('payment.declined') && free && state === 'closed';
    });
  }

  /** A changed address is answered by shipping, and nobody else gets to see it. @returns whether it came in time */
  async #readdressed(order: Order): Promise<boolean> {
    const before = await this.#unasked();
    await order.move();
    let outcome = 'pending';
    await this.#follow(order, 'has its address change answered by shipping', async () => {
      const { requests } = await order.view();
      outcome = requests.find(({ kind }) => kind === 'address')?.outcome ?? 'pending';
      return outcome !== 'pending';
    });
    const after = await this.#unasked();
    const curious = [...after].filter(([name, counts]) =>
      [...counts].some((count) => !before.get(name)?.has(count)),
    );
    if (curious.length > 0) {
      throw new Error(
        `the changed address was delivered to ${curious.map(([name]) => name).join(' and ')}, too`,
      );
    }
    this.#options.say('the changed address reached shipping alone');
    return outcome === 'accepted';
  }

  /** The ledger has the story of an order to its end, without the address and without an open dead letter. */
  async #kept(ledger: Ledger, order: Order, moved: boolean): Promise<void> {
    await this.#follow(order, 'is in the ledger to its end', async () => {
      const events = await ledger.events({ correlation: order.id });
      return events.some(({ type }) => type === CAPTURED);
    });
    await this.#follow(order, 'has no open dead letter', async () => {
      const letters = await ledger.openLetters(order.id);
      return letters.length === 0;
    });
    await checkPrivacy(ledger, order, moved);
    this.#options.say(`the ledger keeps the story of order ${order.id}, and nothing of its address`);
  }

  #follow(order: Order, what: string, reached: () => Promise<boolean>): Promise<void> {
    const { say, triggerPrefix } = this.#options;
    return follow({ shop: this.#shop, ledger: this.#ledger, triggerPrefix, say }, order, what, reached);
  }

  /**
   * Events that each service but shipping was given without asking for them, address changes among them, as each of its replicas
   * counts them: one may have a story that another one has not.
   */
  async #unasked(): Promise<Map<string, ReadonlySet<number>>> {
    const others = this.#shop.services.filter((name) => name !== 'shipping');
    const counts = others.map(async (name): Promise<[string, ReadonlySet<number>]> => {
      const looks = Array.from({ length: LOOKS }, () => this.#shop.call(name, 'GET', '/metrics'));
      return [name, new Set((await Promise.all(looks)).map(({ body }) => unaskedIn(body)))];
    });
    return new Map(await Promise.all(counts));
  }
}
