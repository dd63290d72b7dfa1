import { startBroker, type RunningBroker } from '../../platform/broker/broker.ts';
import { brokerSettings } from '../../platform/broker/settings.ts';
import { readConfig } from '../../platform/config.ts';
import { startService, type RunningService } from '../../platform/runtime.ts';
import { readSettings } from '../../platform/settings.ts';
import { services } from '../../services/index.ts';
import {
  brokerEnvironment,
  portOf,
  serviceEnvironment,
  sinkAt,
  type ShopOptions,
} from '../../services/local/plan.ts';
import type { RunningShop } from '../../services/local/shop.ts';
import { openProxy, type Proxy } from './proxy.ts';

const REPLICAS = 2;

/** Like `startShop`, with two replicas of each service behind a proxy that gives them every other request. */
export async function startReplicatedShop(options: ShopOptions): Promise<RunningShop> {
  const proxies = new Map<string, Proxy>();
  const urlOf = (name: string): string | undefined => proxies.get(name)?.url;
  const settings = readConfig(brokerSettings, brokerEnvironment(options));
  const broker = await startBroker(settings, { resolve: urlOf });
  const shop = new ReplicatedShop(options, broker, proxies);
  try {
    for (const { name } of services) {
      const replicas = (): number[] => shop.replicasOf(name).map(({ port }) => port);
      proxies.set(name, await openProxy({ port: portOf(name, options), balance: 'request', replicas }));
    }
    for (const { name } of services) await shop.start(name);
    return shop;
  } catch (error) {
    await shop.close();
    throw error;
  }
}

class ReplicatedShop implements RunningShop {
  readonly broker: RunningBroker;
  readonly #options: ShopOptions;
  readonly #proxies: ReadonlyMap<string, Proxy>;
  readonly #running = new Map<string, RunningService[]>();

  constructor(options: ShopOptions, broker: RunningBroker, proxies: ReadonlyMap<string, Proxy>) {
    this.#options = options;
    this.broker = broker;
    this.#proxies = proxies;
  }

  replicasOf(name: string): readonly RunningService[] {
    return this.#running.get(name) ?? [];
  }

  url(name: string): string {
    return name === 'broker' ? this.broker.url : (this.#proxies.get(name)?.url ?? '');
  }

  /** The first replica: all have the same data. */
  service(name: string): RunningService {
    const [service] = this.replicasOf(name);
    if (!service) throw new Error(`"${name}" is not running`);
    return service;
  }

  async stop(name: string): Promise<void> {
    await Promise.all(this.replicasOf(name).map((replica) => replica.close()));
    this.#running.delete(name);
  }

  async start(name: string): Promise<void> {
    const card = services.find((each) => each.name === name);
    if (!card) throw new Error(`there is no service "${name}"`);
    const env = { ...serviceEnvironment(name, this.#options, sinkAt(this.broker.url)), PORT: '0' };
    const replicas: RunningService[] = [];
    this.#running.set(name, replicas);
    for (let number = 0; number < REPLICAS; number += 1) {
      replicas.push(await startService(card, readSettings(card, env)));
    }
  }

  /** An event may pass, during the look, from a program that was not asked yet to one that was asked already. */
  async idle(): Promise<boolean> {
    const before = await this.broker.activity();
    for (const [service] of this.#running.values()) if (service && !(await service.idle())) return false;
    return (await this.broker.idle()) && (await this.broker.activity()) === before;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name)));
    await this.broker.close();
    for (const proxy of this.#proxies.values()) await proxy[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
