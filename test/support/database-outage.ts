import { addressOf, programs, type ShopOptions } from '../../services/local/plan.ts';
import { placeOne } from './chaos.ts';
import { Customer } from './customer.ts';
import { openTestData } from './data.ts';
import type { Placed } from './faults.ts';
import { Inspection, type Findings } from './inspection.ts';
import type { PostgresServer } from './postgres-server.ts';
import { superviseReplicas, type ReplicatedShop } from './replicas.ts';
import { call, type Answer } from './service.ts';
import { secrets } from './shop.ts';
import { until } from './until.ts';

export interface DatabaseOutageOptions {
  readonly server: PostgresServer;
  readonly portBase: number;
  /** Processes of each service. */
  readonly replicas: number;
  /** How long PostgreSQL is away each time, in milliseconds; 0: it falls over and is back at once. */
  readonly absences: readonly number[];
  /** Orders that must be accepted before it goes away, each time. */
  readonly ordersBetween: number;
  readonly log?: (line: string) => void;
}

export interface DatabaseOutageReport extends Findings {
  /** Answers 503 that customers got, all of which said when to come again. */
  readonly refusals: number;
  /** Milliseconds from each return until every service was ready. */
  readonly readyAfter: readonly number[];
  /** Milliseconds from the last return until every order had its end and nothing waited. */
  readonly recoveredIn: number;
}

const CUSTOMERS = 4;
const READY_WITHIN_MS = 30_000;

/**
 * Kills PostgreSQL under a shop while customers order, and inspects the shop afterwards.
 * Nobody is restarted: the processes have to do without it, say so, and go on by themselves.
 */
export async function runDatabaseOutage(options: DatabaseOutageOptions): Promise<DatabaseOutageReport> {
  const data = await openTestData('database-outage', options.server.url);
  const shop: ShopOptions = {
    dataDir: data.dataDir,
    portBase: options.portBase,
    autoDispatch: '300ms',
    secrets,
    env: { LOG_LEVEL: 'silent', GATEWAY_TIMEOUT: '1s', ...data.env },
  };
  try {
    await using replicated = await superviseReplicas(shop, {
      replicas: options.replicas,
      balance: 'connection',
    });
    const inspection = await Inspection.prepare(shop, data);
    const outage = new DatabaseOutage(options, shop, replicated);
    const placed = await outage.run();
    const back = performance.now();
    const { faults, ...findings } = await inspection.run(placed);
    return {
      ...findings,
      refusals: outage.refusals,
      readyAfter: outage.readyAfter,
      recoveredIn: Math.round(performance.now() - back),
      faults: [...outage.faults, ...faults],
    };
  } finally {
    await data.remove();
  }
}

class DatabaseOutage {
  refusals = 0;
  readonly readyAfter: number[] = [];
  readonly faults: string[] = [];
  readonly #options: DatabaseOutageOptions;
  readonly #shop: ShopOptions;
  readonly #replicated: ReplicatedShop;
  readonly #urls: readonly string[];
  readonly #placed: Placed[] = [];
  #over = false;

  constructor(options: DatabaseOutageOptions, shop: ShopOptions, replicated: ReplicatedShop) {
    this.#options = options;
    this.#shop = shop;
    this.#replicated = replicated;
    const services = programs().filter((name) => name !== 'broker');
    this.#urls = services.flatMap((name) => replicated.urlsOf(name));
  }

  async run(): Promise<readonly Placed[]> {
    const { supervisor } = this.#replicated;
    const before = supervisor.names.map((name) => supervisor.pidOf(name));
    let next = 0;
    const order = async (): Promise<void> => {
      while (!this.#over) this.#placed.push(await placeOne(next++, this.#customer()));
    };
    const ordering = Promise.all(Array.from({ length: CUSTOMERS }, order));
    await Promise.race([this.#loseDatabase(), ordering]);
    this.#over = true;
    await ordering;
    for (const [index, name] of supervisor.names.entries()) {
      if (supervisor.pidOf(name) !== before[index]) this.faults.push(`${name} has ended`);
    }
    return this.#placed;
  }

  async #loseDatabase(): Promise<void> {
    for (const absence of this.#options.absences) {
      await this.#moreOrders();
      await (absence === 0 ? this.#options.server.fallOver() : this.#away(absence));
      const back = performance.now();
      await until('every service is ready again', () => this.#all(200), READY_WITHIN_MS);
      this.readyAfter.push(Math.round(performance.now() - back));
    }
    await this.#moreOrders();
  }

  async #away(ms: number): Promise<void> {
    const { server, log } = this.#options;
    await server.crash();
    const gone = performance.now();
    await until('every service says that it is not ready', () => this.#all(503), READY_WITHIN_MS);
    await until('it has been away', () => performance.now() - gone >= ms, ms + READY_WITHIN_MS);
    await server.start();
    log?.(`PostgreSQL was away for ${Math.round(performance.now() - gone)} ms`);
  }

  async #moreOrders(): Promise<void> {
    const enough = this.#placed.length + this.#options.ordersBetween;
    await until('orders are accepted', () => this.#placed.length >= enough, 60_000);
    this.#options.log?.(`${this.#placed.length} orders accepted`);
  }

  /** Whether all replicas answer so to whoever asks if they are ready, and are alive all the same. */
  async #all(status: number): Promise<boolean> {
    const answers = await Promise.all(this.#urls.map((url) => call(url, 'GET', '/readyz')));
    const alive = await Promise.all(this.#urls.map((url) => call(url, 'GET', '/healthz')));
    for (const each of alive) if (each.status !== 200) this.faults.push(`/healthz answered ${each.status}`);
    return answers.every((answer) => answer.status === status);
  }

  #customer(): Customer {
    return new Customer(
      (name) => addressOf(name, this.#shop),
      (answer) => this.#refused(answer),
    );
  }

  #refused(answer: Answer | undefined): void {
    this.refusals += 1;
    const seconds = answer?.headers.get('retry-after');
    if (!seconds || !/^\d+$/.test(seconds)) this.faults.push('a customer was refused without a word');
  }
}
