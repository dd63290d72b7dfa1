import { addressOf, type ShopOptions } from '../../services/local/plan.ts';
import type { Supervisor } from '../../services/local/supervisor.ts';
import { Customer, newAddress } from './customer.ts';
import { openTestData } from './data.ts';
import type { Placed } from './faults.ts';
import { Inspection, SKU, type Findings } from './inspection.ts';
import { superviseBy, type Replication } from './replicas.ts';
import { secrets } from './shop.ts';

export interface ChaosOptions {
  readonly portBase: number;
  readonly orders: number;
  /** Processes to kill with SIGKILL, one after the other, at random. */
  readonly kills: number;
  /** Several processes of each service, instead of one. */
  readonly replication?: Replication;
  /** A PostgreSQL server to use whatever engine the run is about. */
  readonly server?: string;
  readonly log?: (line: string) => void;
}

export interface ChaosReport extends Findings {
  readonly kills: Readonly<Record<string, number>>;
}

/** Places orders in a shop of several processes while those are killed at random, and inspects it afterwards. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const data = await openTestData('chaos', options.server);
  const shop: ShopOptions = {
    dataDir: data.dataDir,
    portBase: options.portBase,
    autoDispatch: '300ms',
    secrets,
    env: { LOG_LEVEL: 'silent', GATEWAY_TIMEOUT: '1s', ...data.env },
  };
  try {
    const supervisor = await superviseBy(shop, options.replication);
    try {
      const inspection = await Inspection.prepare(shop, data);
      const chaos = new Chaos(options, shop, supervisor);
      const placed = await chaos.run();
      return { kills: chaos.kills, ...(await inspection.run(placed)) };
    } finally {
      await supervisor.close();
    }
  } finally {
    await data.remove();
  }
}

class Chaos {
  readonly kills: Record<string, number> = {};
  readonly #options: ChaosOptions;
  readonly #shop: ShopOptions;
  readonly #supervisor: Supervisor;
  #killing = true;

  constructor(options: ChaosOptions, shop: ShopOptions, supervisor: Supervisor) {
    this.#options = options;
    this.#shop = shop;
    this.#supervisor = supervisor;
  }

  async run(): Promise<Placed[]> {
    const [placed] = await Promise.all([this.#placeAll(), this.#killAll()]);
    this.#say(
      `${placed.length} orders placed, ${this.#options.kills} processes killed; waiting for the ends`,
    );
    return placed;
  }

  async #placeAll(): Promise<Placed[]> {
    const placed: Placed[] = [];
    const numbers = Array.from({ length: this.#options.orders }, (_, index) => index);
    const next = async (): Promise<void> => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
        placed.push(await placeOne(number, new Customer((name) => addressOf(name, this.#shop))));
        if (placed.length % 50 === 0) this.#say(`${placed.length} orders placed`);
        // Spread over the killings, or half of them would meet an idle shop.
        await pause((this.#options.kills * 150 * 4) / this.#options.orders);
      }
    };
    await Promise.all([next(), next(), next(), next()]);
    while (this.#killing) await pause(50);
    return placed;
  }

  async #killAll(): Promise<void> {
    for (let kill = 0; kill < this.#options.kills; kill += 1) {
      await pause(100 + Math.random() * 300);
      const running = this.#supervisor.names.filter((name) => this.#supervisor.pidOf(name) !== undefined);
      const name = running[Math.floor(Math.random() * running.length)];
      const pid = name && this.#supervisor.pidOf(name);
      if (!name || !pid) continue;
      process.kill(pid, 'SIGKILL');
      this.kills[name] = (this.kills[name] ?? 0) + 1;
    }
    this.#killing = false;
  }

  #say(line: string): void {
    this.#options.log?.(line);
  }
}

/** Some are declined, some lose the gateway's answer, some move house, some think better of it. */
export async function placeOne(number: number, customer: Customer): Promise<Placed> {
  const paymentToken = number % 10 === 3 ? 'tok_declined' : number % 10 === 5 ? 'tok_lost' : 'tok_visa';
  const id = await customer.place({ paymentToken, lines: [{ sku: SKU, quantity: 1 }] });
  if (number % 4 === 1) await customer.moveTo(newAddress);
  if (number % 8 === 2) await customer.cancel(id);
  return { id, customer };
}

function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}
