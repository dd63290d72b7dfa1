import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Stage } from '../../e2e/stage.ts';
import { startBroker, type RunningBroker } from '../../platform/broker/broker.ts';
import { brokerSettings } from '../../platform/broker/settings.ts';
import { readConfig } from '../../platform/config.ts';
import { startService, type RunningService } from '../../platform/runtime.ts';
import { readSettings } from '../../platform/settings.ts';
import { RemoteShop } from '../../services/cluster/shop.ts';
import { services } from '../../services/index.ts';
import {
  addressOf,
  brokerEnvironment,
  portSpan,
  serviceEnvironment,
  sinkAt,
  type ShopOptions,
} from '../../services/local/plan.ts';
import { openTestData, type TestData } from '../support/data.ts';
import { hastyManifests } from '../support/outage.ts';
import { freePortBase } from '../support/ports.ts';
import { root } from '../support/root.ts';
import { secrets } from '../support/shop.ts';

const NODE = ['--disable-warning=ExperimentalWarning'];

/** A stage whose data a test can spoil. */
export interface LocalStage extends Stage, AsyncDisposable {
  readonly data: TestData;
}

/** The whole shop in this process: a Pod is a service that runs, and the local broker stands in for Knative's. */
export async function openLocalStage(patienceMs = 60_000): Promise<LocalStage> {
  const data = await openTestData('e2e');
  const options: ShopOptions = {
    dataDir: data.dataDir,
    portBase: await freePortBase(portSpan()),
    autoDispatch: 'off',
    secrets,
    // Their delivery budget is short: what takes twelve seconds on a cluster takes one here.
    manifests: await hastyManifests(data.dataDir),
    env: { LOG_LEVEL: 'silent', ...data.env },
  };
  const broker = await startBroker(readConfig(brokerSettings, brokerEnvironment(options)));
  const stage = new Local(options, data, broker, patienceMs);
  await Promise.all(services.map(({ name }) => stage.scale(name, 1)));
  return stage;
}

class Local implements LocalStage {
  readonly shop: RemoteShop;
  readonly brokerClass = 'local broker';
  readonly triggerPrefix = '';
  readonly data: TestData;
  readonly #options: ShopOptions;
  readonly #broker: RunningBroker;
  readonly #patienceMs: number;
  /** The Pods of each service; the first one has the address that the others know. */
  readonly #pods = new Map<string, RunningService[]>();

  constructor(options: ShopOptions, data: TestData, broker: RunningBroker, patienceMs: number) {
    this.#options = options;
    this.#broker = broker;
    this.#patienceMs = patienceMs;
    this.data = data;
    const urls = Object.fromEntries(services.map(({ name }) => [name, addressOf(name, options)]));
    this.shop = new RemoteShop({ urls, staffToken: secrets.staffToken, patienceMs, answerMs: 5000 });
  }

  get storage(): 'sqlite' | 'postgres' {
    return this.data.engine;
  }

  async scale(service: string, replicas: number): Promise<void> {
    const pods = this.#podsOf(service);
    while (pods.length > replicas) await pods.pop()?.close();
    while (pods.length < replicas) pods.push(await this.#start(service, pods.length));
  }

  async replace(service: string): Promise<void> {
    const pods = this.#podsOf(service);
    await pods[0]?.close();
    pods[0] = await this.#start(service, 0);
  }

  async upgrade(): Promise<void> {
    for (const { name } of services) await this.replace(name);
  }

  metrics(service: string): Promise<readonly string[]> {
    return Promise.all(this.#podsOf(service).map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  }

  async run(service: string, program: string, input: unknown): Promise<string> {
    const args = [...NODE, '--input-type=module', '--eval', program];
    const running = promisify(execFile)(process.execPath, args, {
      cwd: root,
      env: this.#environmentOf(service),
    });
    running.child.stdin?.end(JSON.stringify(input));
    return (await running).stdout;
  }

  async selfTest(): Promise<string> {
    const urls = services.map(({ name }) => [`${name.toUpperCase()}_URL`, this.shop.urlOf(name)]);
    const env = {
      ...Object.fromEntries(urls),
      STAFF_TOKEN: secrets.staffToken,
      VERIFY_PATIENCE: `${this.#patienceMs}ms`,
    };
    const program = [...NODE, join(root, 'services/cluster/verify.ts')];
    return (await promisify(execFile)(process.execPath, program, { env })).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name } of services) await this.scale(name, 0);
    await this.#broker.close();
    await this.data.remove();
  }

  #environmentOf(service: string): Record<string, string> {
    const sink = sinkAt(addressOf('broker', this.#options));
    const found = Object.entries(serviceEnvironment(service, this.#options, sink));
    return Object.fromEntries(found.filter((each): each is [string, string] => each[1] !== undefined));
  }

  #podsOf(service: string): RunningService[] {
    const pods = this.#pods.get(service) ?? [];
    this.#pods.set(service, pods);
    return pods;
  }

  async #start(service: string, nth: number): Promise<RunningService> {
    const card = services.find(({ name }) => name === service);
    if (!card) throw new Error(`there is no service ${service}`);
    const own = nth === 0 ? {} : { PORT: '0' };
    return startService(card, readSettings(card, { ...this.#environmentOf(service), ...own }));
  }
}
