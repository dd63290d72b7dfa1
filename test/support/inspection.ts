import type { ShopOptions } from '../../services/local/plan.ts';
import type { TestData } from './data.ts';
import { orderFaults, readCharges, storyFaults, type Placed } from './faults.ts';
import { Staff } from './staff.ts';
import { until } from './until.ts';

/** An order that was accepted, and who placed it. */
/** What was found when everything had come to rest. */
export interface Findings {
  readonly orders: number;
  /** Orders by the state they ended in. */
  readonly ends: Readonly<Record<string, number>>;
  /** Everything that is not as it must be; empty when all is well. */
  readonly faults: readonly string[];
}

/** What every order of an inspection is for, one piece each. */
export const SKU = 'TW-ROPE-10';

const ENDS = ['shipped', 'delivered', 'cancelled', 'rejected', 'expired'];
const PATIENCE_MS = 120_000;

/**
 * Looks into every service after a shop has been mistreated: each order has an end, one charge at most, one parcel, one
 * label per address, and the stock adds up.
 */
export class Inspection {
  readonly #staff: Staff;
  readonly #data: TestData;
  readonly #onHand: number;
  readonly #faults: string[] = [];

  private constructor(staff: Staff, data: TestData, onHand: number) {
    this.#staff = staff;
    this.#data = data;
    this.#onHand = onHand;
  }

  /** Fills the shelf, before the first order. */
  static async prepare(shop: ShopOptions, data: TestData): Promise<Inspection> {
    const staff = new Staff(shop);
    const receipt = { quantity: 100_000, reference: 'inspection' };
    await staff.insist('inventory', 'POST', `/api/stock/${SKU}/receipts`, receipt);
    return new Inspection(staff, data, (await levelIn(staff)).onHand);
  }

  /** Waits for the end of every order, and until nothing waits anywhere; then looks. */
  async run(placed: readonly Placed[]): Promise<Findings> {
    const ends = await this.#ends(placed);
    await until('everything has come to rest', () => this.#staff.atRest(), PATIENCE_MS);
    const charges = await readCharges(this.#data);
    for (const each of placed) {
      const end = ends.get(each.id);
      const found = await orderFaults(this.#staff, each, end, charges);
      this.#faults.push(...found.map((fault) => `${each.id} (${end}): ${fault}`));
    }
    const ids = placed.map(({ id }) => id);
    this.#faults.push(...(await storyFaults(this.#data, ids)), ...(await this.#strangers(ids)));
    await this.#inspectStock([...ends.values()]);
    return { orders: placed.length, ends: count([...ends.values()]), faults: this.#faults };
  }

  async #ends(placed: readonly Placed[]): Promise<Map<string, string>> {
    const ends = new Map<string, string>();
    await until(
      'every order has an end',
      async () => {
        for (const { id, customer } of placed) {
          if (ends.has(id)) continue;
          const { body } = await customer.order(id);
          if (ENDS.includes(body.status)) ends.set(id, body.status);
        }
        return ends.size === placed.length;
      },
      PATIENCE_MS,
    ).catch(() => {
      const open = placed.filter(({ id }) => !ends.has(id)).map(({ id }) => id);
      this.#faults.push(`without an end: ${open.join(', ')}`);
    });
    return ends;
  }

  /** Nobody has placed two orders by asking twice. */
  async #strangers(ids: readonly string[]): Promise<string[]> {
    const known = new Set(ids);
    const orders = await this.#data.rows<{ id: string }>(
      'storefront',
      'storefront',
      'select order_id as id from orders',
    );
    return orders.filter(({ id }) => !known.has(id)).map(({ id }) => `${id} was accepted, and nobody told`);
  }

  async #inspectStock(ends: readonly string[]): Promise<void> {
    const { reserved, onHand } = await levelIn(this.#staff);
    const left = this.#onHand - ends.filter((end) => end === 'shipped').length;
    if (reserved !== 0) this.#faults.push(`${reserved} pieces are still set aside`);
    if (onHand !== left) this.#faults.push(`${onHand} pieces on hand, not ${left}`);
  }
}

async function levelIn(staff: Staff): Promise<{ onHand: number; reserved: number }> {
  const { body } = await staff.insist('inventory', 'GET', '/api/stock');
  return body.items.find((item: { sku: string }) => item.sku === SKU);
}

function count(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
