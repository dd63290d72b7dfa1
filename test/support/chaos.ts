import { addressOf, programs, type ShopOptions } from '../../services/local/plan.ts';
import { superviseShop, type Supervisor } from '../../services/local/supervisor.ts';
import { Customer, newAddress } from './customer.ts';
import { openTestData, type TestData } from './data.ts';
import { addressFaults, moneyFaults, parcelFaults, readCharges, type Charge } from './faults.ts';
import { secrets, shipmentIdOf } from './shop.ts';
import { Staff } from './staff.ts';
import { until } from './until.ts';

export interface ChaosOptions {
  readonly portBase: number;
  readonly orders: number;
  /** Processes to kill with SIGKILL, one after the other, at random. */
  readonly kills: number;
  readonly log?: (line: string) => void;
}

/** What was found when everything had come to rest. */
export interface ChaosReport {
  readonly orders: number;
  readonly kills: Readonly<Record<string, number>>;
  /** Orders by the state they ended in. */
  readonly ends: Readonly<Record<string, number>>;
  /** Everything that is not as it must be; empty when all is well. */
  readonly faults: readonly string[];
}

const ENDS = ['shipped', 'delivered', 'cancelled', 'rejected', 'expired'];
const SKU = 'TW-ROPE-10';
const PATIENCE_MS = 120_000;

/**
 * Places orders in a shop of several processes while those are killed at random, lets it come to rest, and looks into
 * every service: each order has an end, one charge at most, one parcel, one label per address, and stock that adds up.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const data = await openTestData('chaos');
  const shop: ShopOptions = {
    dataDir: data.dataDir,
    portBase: options.portBase,
    autoDispatch: '300ms',
    secrets,
    env: { LOG_LEVEL: 'silent', GATEWAY_TIMEOUT: '1s', ...data.env },
  };
  let supervisor: Supervisor | undefined;
  try {
    supervisor = await superviseShop(shop);
    return await new Chaos(options, shop, supervisor, data).run();
  } finally {
    await supervisor?.close();
    await data.remove();
  }
}

interface Placed {
  readonly id: string;
  readonly customer: Customer;
}

class Chaos {
  readonly #options: ChaosOptions;
  readonly #shop: ShopOptions;
  readonly #supervisor: Supervisor;
  readonly #data: TestData;
  readonly #staff: Staff;
  readonly #kills: Record<string, number> = {};
  readonly #faults: string[] = [];
  #killing = true;

  constructor(options: ChaosOptions, shop: ShopOptions, supervisor: Supervisor, data: TestData) {
    this.#options = options;
    this.#shop = shop;
    this.#supervisor = supervisor;
    this.#data = data;
    this.#staff = new Staff(shop);
  }

  async run(): Promise<ChaosReport> {
    await this.#staff.insist('inventory', 'POST', `/api/stock/${SKU}/receipts`, {
      quantity: 100_000,
      reference: 'chaos',
    });
    const before = await this.#level();
    const [placed] = await Promise.all([this.#placeAll(), this.#killAll()]);
    this.#say(
      `${placed.length} orders placed, ${this.#options.kills} processes killed; waiting for the ends`,
    );
    const ends = await this.#ends(placed);
    await until('everything has come to rest', () => this.#staff.atRest(), PATIENCE_MS);
    const charges = await readCharges(this.#data);
    for (const each of placed) {
      const own = charges.filter(({ orderId }) => orderId === each.id);
      await this.#inspect(each, ends.get(each.id), own);
    }
    await this.#inspectStock(before.onHand, [...ends.values()]);
    return {
      orders: placed.length,
      kills: this.#kills,
      ends: count([...ends.values()]),
      faults: this.#faults,
    };
  }

  async #placeAll(): Promise<Placed[]> {
    const placed: Placed[] = [];
    const numbers = Array.from({ length: this.#options.orders }, (_, index) => index);
    const next = async (): Promise<void> => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
        placed.push(await this.#place(number));
        if (placed.length % 50 === 0) this.#say(`${placed.length} orders placed`);
      }
    };
    await Promise.all([next(), next(), next(), next()]);
    while (this.#killing) await pause(50);
    return placed;
  }

  /** Some are declined, some lose the gateway's answer, some move house, some think better of it. */
  async #place(number: number): Promise<Placed> {
    const customer = new Customer((name) => addressOf(name, this.#shop));
    const paymentToken = number % 10 === 3 ? 'tok_declined' : number % 10 === 5 ? 'tok_lost' : 'tok_visa';
    const id = await customer.place({ paymentToken, lines: [{ sku: SKU, quantity: 1 }] });
    if (number % 4 === 1) await customer.moveTo(newAddress);
    if (number % 8 === 2) await customer.cancel(id);
    // Spread over the killings, or half of them would meet an idle shop.
    await pause((this.#options.kills * 150 * 4) / this.#options.orders);
    return { id, customer };
  }

  async #killAll(): Promise<void> {
    for (let kill = 0; kill < this.#options.kills; kill += 1) {
      await pause(100 + Math.random() * 300);
      const running = programs().filter((name) => this.#supervisor.pidOf(name) !== undefined);
      const name = running[Math.floor(Math.random() * running.length)];
      const pid = name && this.#supervisor.pidOf(name);
      if (!name || !pid) continue;
      process.kill(pid, 'SIGKILL');
      this.#kills[name] = (this.#kills[name] ?? 0) + 1;
    }
    this.#killing = false;
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

  async #inspect(
    { id, customer }: Placed,
    end: string | undefined,
    charges: readonly Charge[],
  ): Promise<void> {
    const { body: payment } = await this.#staff.insist('payment', 'GET', `/api/payments/${id}`);
    const { body: shipment } = await this.#staff.insist(
      'shipping',
      'GET',
      `/api/shipments/${shipmentIdOf(id)}`,
    );
    const { body: order } = await customer.order(id);
    const faults = [
      ...moneyFaults(end, payment, charges),
      ...parcelFaults(end, shipment),
      ...addressFaults(order, shipment),
    ];
    this.#faults.push(...faults.map((fault) => `${id} (${end}): ${fault}`));
  }

  async #inspectStock(onHand: number, ends: readonly string[]): Promise<void> {
    const level = await this.#level();
    const left = ends.filter((end) => end === 'shipped').length;
    if (level.reserved !== 0) this.#faults.push(`${level.reserved} pieces are still set aside`);
    if (level.onHand !== onHand - left)
      this.#faults.push(`${level.onHand} pieces on hand, not ${onHand - left}`);
  }

  async #level(): Promise<{ onHand: number; reserved: number }> {
    const { body } = await this.#staff.insist('inventory', 'GET', '/api/stock');
    return body.items.find((item: { sku: string }) => item.sku === SKU);
  }

  #say(line: string): void {
    this.#options.log?.(line);
  }
}

function count(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}
