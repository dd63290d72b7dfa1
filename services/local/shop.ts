import { startBroker, type RunningBroker } from '../../platform/broker/broker.ts';
import { brokerSettings } from '../../platform/broker/settings.ts';
import { readConfig } from '../../platform/config.ts';
import { startService, type RunningService } from '../../platform/runtime.ts';
import type { AnyServiceCard } from '../../platform/service.ts';
import { readSettings } from '../../platform/settings.ts';
import { services } from '../index.ts';
import { brokerEnvironment, serviceEnvironment, sinkAt, type ShopOptions } from './plan.ts';

/** A whole shop that runs in this process. */
export interface RunningShop extends AsyncDisposable {
  readonly broker: RunningBroker;
  /** Address of `broker` or a service. */
  url(name: string): string;
  /** A service that runs. @throws Error when it does not. */
  service(name: string): RunningService;
  /** Stops one service; its events wait. */
  stop(name: string): Promise<void>;
  /** Starts a service that was stopped. */
  start(name: string): Promise<void>;
  /** Whether no event waits anywhere and no task is due. */
  idle(): Promise<boolean>;
  close(): Promise<void>;
}

/** Starts the local broker and every service in this process, over real HTTP. `npm start` and the tests both use it. */
export async function startShop(options: ShopOptions): Promise<RunningShop> {
  const shop = new Shop(options);
  try {
    await shop.open();
    return shop;
  } catch (error) {
    await shop.close();
    throw error;
  }
}

class Shop implements RunningShop {
  readonly #options: ShopOptions;
  readonly #running = new Map<string, RunningService>();
  #broker: RunningBroker | undefined;

  constructor(options: ShopOptions) {
    this.#options = options;
  }

  get broker(): RunningBroker {
    if (!this.#broker) throw new Error('the shop is not running');
    return this.#broker;
  }

  async open(): Promise<void> {
    const settings = readConfig(brokerSettings, brokerEnvironment(this.#options));
    this.#broker = await startBroker(settings, { resolve: (name) => this.#running.get(name)?.url });
    // All of them come to an end, one way or the other, before the first failure is told: none must start later.
    const started = await Promise.allSettled(services.map((card) => this.#start(card)));
    const failed = started.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
  }

  url(name: string): string {
    return name === 'broker' ? this.broker.url : this.service(name).url;
  }

  service(name: string): RunningService {
    const service = this.#running.get(name);
    if (!service) throw new Error(`"${name}" is not running`);
    return service;
  }

  async stop(name: string): Promise<void> {
    await this.#running.get(name)?.close();
    this.#running.delete(name);
  }

  async start(name: string): Promise<void> {
    const card = services.find((each) => each.name === name);
    if (!card) throw new Error(`there is no service "${name}"`);
    await this.#start(card);
  }

  /** An event may pass, during the look, from a program that was not asked yet to one that was asked already. */
  async idle(): Promise<boolean> {
    const before = await this.broker.activity();
    for (const service of this.#running.values()) if (!(await service.idle())) return false;
    return (await this.broker.idle()) && (await this.broker.activity()) === before;
  }

  /** The services first: what they still send finds the broker there. */
  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((service) => service.close()));
    await this.#broker?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(card: AnyServiceCard): Promise<void> {
    const env = serviceEnvironment(card.name, this.#options, sinkAt(this.broker.url));
    this.#running.set(card.name, await startService(card, readSettings(card, env)));
  }
}
