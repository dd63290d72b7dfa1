import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addressOf, type ShopOptions } from '../../services/local/plan.ts';
import type { Supervisor } from '../../services/local/supervisor.ts';
import { Customer, newAddress } from './customer.ts';
import { openTestData, type TestData } from './data.ts';
import { orderFaults, readCharges, storyFaults, type Placed } from './faults.ts';
import { inLanes } from './lanes.ts';
import { processesOf, superviseBy, type Replication } from './replicas.ts';
import { root } from './root.ts';
import { secrets, shipmentIdOf } from './shop.ts';
import { Staff } from './staff.ts';
import { until } from './until.ts';

export interface OutageOptions {
  /** The service that is away. */
  readonly service: string;
  readonly portBase: number;
  readonly orders: number;
  /** How many customers change their address meanwhile. */
  readonly changes: number;
  /** Several processes of each service, instead of one. */
  readonly replication?: Replication;
  /** A PostgreSQL server to use whatever engine the run is about. */
  readonly server?: string;
  readonly log?: (line: string) => void;
}

/** What was found when everything had come to rest. */
export interface OutageReport {
  readonly orders: number;
  /** How often a delivery was given up by the broker and went to the ledger. */
  readonly deadLetters: number;
  /** How many of those the ledger has brought to their subscriber. */
  readonly redriven: number;
  /** Milliseconds from the return of the service until nothing waited any more. */
  readonly recoveredIn: number;
  readonly faults: readonly string[];
}

const SKU = 'TW-ROPE-10';
/** Two retries after 0.2 and 0.4 s: what a subscriber that is away gets before its events are dead letters. */
const BUDGET_MS = 600;
const PATIENCE_MS = 120_000;

/**
 * Takes a service away for ten times the Broker's delivery budget while customers order and move, kills the ledger
 * twice meanwhile, and looks whether everything reached its end, untouched by hand, after the service's return.
 */
export async function runOutage(options: OutageOptions): Promise<OutageReport> {
  const data = await openTestData('outage', options.server);
  const shop: ShopOptions = {
    dataDir: data.dataDir,
    portBase: options.portBase,
    autoDispatch: 'off',
    secrets,
    manifests: await hastyManifests(data.dataDir),
    env: { LOG_LEVEL: 'silent', ORDER_DEADLINE: '1h', ...data.env },
  };
  try {
    const supervisor = await superviseBy(shop, options.replication);
    try {
      return await new Outage(options, shop, supervisor, data).run();
    } finally {
      await supervisor.close();
    }
  } finally {
    await data.remove();
  }
}

/** The shop's own manifests, with a delivery budget that a test can outlast. */
export async function hastyManifests(dataDir: string): Promise<string> {
  const folder = join(dataDir, 'manifests');
  await cp(join(root, 'k8s'), folder, { recursive: true });
  const path = join(folder, 'broker.yaml');
  const text = await readFile(path, 'utf8');
  await writeFile(
    path,
    text.replace(/retry: \d+/, 'retry: 2').replace(/backoffDelay: \S+/, 'backoffDelay: PT0.1S'),
  );
  return folder;
}

class Outage {
  readonly #options: OutageOptions;
  readonly #shop: ShopOptions;
  readonly #supervisor: Supervisor;
  readonly #data: TestData;
  readonly #staff: Staff;

  constructor(options: OutageOptions, shop: ShopOptions, supervisor: Supervisor, data: TestData) {
    this.#options = options;
    this.#shop = shop;
    this.#supervisor = supervisor;
    this.#data = data;
    this.#staff = new Staff(shop);
  }

  async run(): Promise<OutageReport> {
    const { service, orders, changes } = this.#options;
    await this.#staff.insist('inventory', 'POST', `/api/stock/${SKU}/receipts`, {
      quantity: 100_000,
      reference: 'outage',
    });
    const own = processesOf(this.#supervisor, service);
    await Promise.all(own.map((name) => this.#supervisor.stop(name)));
    const away = performance.now();
    const placed = await this.#placeAll();
    this.#say(`${orders} orders placed, ${changes} customers moved while ${service} is away`);
    await until('the budget has run out ten times', () => performance.now() - away > 10 * BUDGET_MS);
    await this.#killLedger();
    const deadLetters = await this.#open();
    await Promise.all(own.map((name) => this.#supervisor.start(name)));
    const back = performance.now();
    await until('nothing waits anywhere', () => this.#staff.atRest(), PATIENCE_MS);
    const recoveredIn = Math.round(performance.now() - back);
    this.#say(`${service} is back; nothing waits any more after ${recoveredIn} ms`);
    const redriven = await this.#redriven();
    await this.#shipAll(placed);
    return { orders: placed.length, deadLetters, redriven, recoveredIn, faults: await this.#inspect(placed) };
  }

  async #placeAll(): Promise<Placed[]> {
    const { orders, changes } = this.#options;
    const placed: Placed[] = [];
    const numbers = Array.from({ length: orders }, (_, index) => index);
    await inLanes(numbers, 8, async (number) => {
      const customer = new Customer((name) => addressOf(name, this.#shop));
      placed.push({ id: await customer.place({ lines: [{ sku: SKU, quantity: 1 }] }), customer });
      if (number < changes) await customer.moveTo(newAddress);
      if (number === Math.floor(orders / 2)) await this.#killLedger();
    });
    return placed;
  }

  /** All of its processes, if there are several, so that whichever redrives is among them. */
  async #killLedger(): Promise<void> {
    const names = processesOf(this.#supervisor, 'ledger');
    const before = names.map((name) => this.#supervisor.pidOf(name));
    for (const pid of before) {
      if (pid === undefined) throw new Error('the ledger is not running');
      process.kill(pid, 'SIGKILL');
    }
    const isBack = async (): Promise<boolean> => {
      const isNew = names.every((name, nth) => this.#supervisor.pidOf(name) !== before[nth]);
      return isNew && (await this.#staff.ask('ledger', 'GET', '/readyz'))?.status === 200;
    };
    await until('the ledger is back', isBack, PATIENCE_MS);
  }

  /** By its books: what its processes have counted goes with them. */
  async #redriven(): Promise<number> {
    const sql = `select count(*) as made from attempts where made_by = 'redrive' and code is null`;
    const [row] = await this.#data.rows<{ made: number }>('ledger', 'ledger', sql);
    return Number(row?.made);
  }

  /** Dead letters that the ledger has, once all have come that come while the service is away. */
  async #open(): Promise<number> {
    const { service } = this.#options;
    const isGone = async (): Promise<boolean> =>
      (await this.#staff.metric('broker', 'tradewind_broker_waiting')) === 0;
    await until(`no delivery to ${service} is left in the broker`, isGone, PATIENCE_MS);
    return (await this.#staff.metric('ledger', 'tradewind_dead_letters_open')) ?? 0;
  }

  async #shipAll(placed: readonly Placed[]): Promise<void> {
    await inLanes(placed, 8, async ({ id, customer }) => {
      await this.#staff.insist('shipping', 'POST', `/api/shipments/${shipmentIdOf(id)}/dispatch`);
      await customer.waitFor(id, 'shipped');
    });
    await until('nothing waits anywhere', () => this.#staff.atRest(), PATIENCE_MS);
  }

  async #inspect(placed: readonly Placed[]): Promise<string[]> {
    const charges = await readCharges(this.#data);
    const faults: string[] = [];
    for (const [index, order] of placed.entries()) {
      const found = await orderFaults(this.#staff, order, 'shipped', charges);
      faults.push(...found.map((fault) => `${order.id} (order ${index}): ${fault}`));
    }
    const ids = placed.map(({ id }) => id);
    return [...faults, ...(await storyFaults(this.#data, ids))];
  }

  #say(line: string): void {
    this.#options.log?.(line);
  }
}
