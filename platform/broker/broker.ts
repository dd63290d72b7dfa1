import { join } from 'node:path';
import type { Express } from 'express';
import { createApp } from '../http/app.ts';
import { listen, type Listening } from '../http/listen.ts';
import { describeApi } from '../http/openapi.ts';
import { createLog, type Log } from '../log.ts';
import { addGauge } from '../metrics.ts';
import { readinessOf } from '../readiness.ts';
import { lockFolder, type FolderLock } from '../store/lock.ts';
import { migrate } from '../store/migrate.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { untraced } from '../trace/tracing.ts';
import { Acceptance } from './accept.ts';
import { createBrokerMetrics } from './broker-metrics.ts';
import { DeliveryClient } from '../delivery/client.ts';
import { EventCache } from './event-cache.ts';
import { Ingress } from './ingress.ts';
import { keyOf, readManifests } from './manifests.ts';
import { migrations } from './schema.ts';
import type { BrokerSettings } from './settings.ts';
import { countDeliveries, DEAD_LETTERS } from './store.ts';
import { Switchboard } from './switchboard.ts';
import type { Resolve } from './subscriber.ts';

/** How a broker is started beside its settings. */
export interface BrokerOptions {
  /** Where each Service is. @default the map in `SUBSCRIBERS` */
  readonly resolve?: Resolve;
  readonly log?: Log;
  readonly now?: () => Date;
}

/** A broker that runs. */
export interface RunningBroker {
  readonly url: string;
  readonly port: number;
  /** Whether nothing waits to be delivered, dead letters included. */
  idle(): Promise<boolean>;
  /** How many events it took and deliveries it tried so far: whether something moved between two looks. */
  activity(): Promise<number>;
  /** Takes no more, finishes the attempts at work, closes the database. Safe to call twice. */
  close(): Promise<void>;
}

/** A predecessor that is just stopping gets this long. */
const PREDECESSOR_MS = 2000;
const OPERATIONAL = /^\/(?:healthz|readyz|metrics|openapi\.json)$/;

/**
 * Starts a durable Knative Broker for one machine, from Broker and Trigger manifests.
 * @throws ManifestError for manifests that it cannot honour.
 */
export async function startBroker(
  settings: BrokerSettings,
  options: BrokerOptions = {},
): Promise<RunningBroker> {
  const manifests = readManifests(settings.MANIFESTS);
  const folder = join(settings.DATA_DIR, 'broker');
  const lock = await lockFolder(folder, { patienceMs: PREDECESSOR_MS });
  const broker = new LocalBroker(settings, options, openSqlite(join(folder, 'broker.sqlite')), lock);
  try {
    await broker.start(manifests);
    return broker;
  } catch (error) {
    await broker.close();
    throw error;
  }
}

class LocalBroker implements RunningBroker {
  readonly #settings: BrokerSettings;
  readonly #store: Store;
  readonly #lock: FolderLock;
  readonly #log: Log;
  readonly #now: () => Date;
  readonly #metrics = createBrokerMetrics();
  readonly #closing = new AbortController();
  readonly #client = new DeliveryClient();
  readonly #acceptance: Acceptance;
  readonly #switchboard: Switchboard;
  #listening: Listening | undefined;
  #closed: Promise<void> | undefined;

  constructor(settings: BrokerSettings, options: BrokerOptions, store: Store, lock: FolderLock) {
    this.#settings = settings;
    this.#store = store;
    this.#lock = lock;
    this.#now = options.now ?? (() => new Date());
    this.#log =
      options.log ?? createLog({ service: 'broker', level: settings.LOG_LEVEL, format: settings.LOG_FORMAT });
    const cache = new EventCache();
    this.#acceptance = new Acceptance({ cache, log: this.#log, now: this.#now });
    this.#switchboard = new Switchboard({
      context: {
        store,
        cache,
        acceptance: this.#acceptance,
        log: this.#log,
        metrics: this.#metrics,
      },
      resolve: options.resolve ?? ((service) => settings.SUBSCRIBERS.get(service)),
      client: this.#client,
    });
  }

  get url(): string {
    return this.#listening?.url ?? '';
  }

  get port(): number {
    return this.#listening?.port ?? 0;
  }

  async start(manifests: ReturnType<typeof readManifests>): Promise<void> {
    await migrate(this.#store, migrations);
    for (const route of this.#switchboard.connect(manifests)) this.#acceptance.add(route);
    await this.#tellOfGaps();
    this.#addGauges();
    const brokers = new Set(manifests.brokers.map(keyOf));
    this.#listening = await this.#listen(brokers);
    this.#switchboard.start();
    this.#log.info({ port: this.port, brokers: [...brokers], triggers: manifests.triggers.length }, 'ready');
  }

  async idle(): Promise<boolean> {
    return (await this.#count(() => true)) === 0;
  }

  async activity(): Promise<number> {
    const { received, deliveries } = this.#metrics;
    const samples = [...(await received.get()).values, ...(await deliveries.get()).values];
    return samples.reduce((sum, { value }) => sum + value, 0);
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    const end = performance.now() + this.#settings.SHUTDOWN_GRACE;
    const left = (): number => Math.max(0, end - performance.now());
    this.#closing.abort();
    await this.#listening?.close(left());
    await this.#switchboard.close(left());
    await this.#store.close();
    this.#lock.release();
    this.#log.info('stopped');
  }

  #listen(brokers: ReadonlySet<string>): Promise<Listening> {
    const settings = this.#settings;
    const ingress = new Ingress({
      store: this.#store,
      acceptance: this.#acceptance,
      brokers,
      maxEventBytes: settings.MAX_EVENT_BYTES,
      maxInFlight: settings.MAX_EVENTS_IN_FLIGHT,
      maxBytesInFlight: settings.MAX_BYTES_IN_FLIGHT,
      closing: this.#closing.signal,
      log: this.#log,
      metrics: this.#metrics,
    });
    const app = this.#createApp();
    return listen(
      (request, response) => {
        if (OPERATIONAL.test(request.url?.split('?', 1)[0] ?? '')) app(request, response);
        else void ingress.answer(request, response);
      },
      settings.PORT,
      settings.HOST,
    );
  }

  #createApp(): Express {
    const info = {
      title: 'Tradewind broker',
      description: 'A durable Knative Broker for one machine: post events to /<namespace>/<broker>.',
      version: '1.0.0',
    };
    // It has no routes, so nothing asks for what routes work with.
    return createApp<undefined>({
      routes: [],
      context: {
        deps: undefined,
        read: this.#store.read,
        log: this.#log,
        now: this.#now,
        closing: this.#closing.signal,
        commit: () => Promise.reject(new Error('the broker emits nothing of its own')),
      },
      openapi: () => describeApi(info, []),
      guard: undefined,
      staffToken: undefined,
      maxBodyBytes: this.#settings.MAX_EVENT_BYTES,
      notReady: readinessOf(this.#store, this.#closing.signal),
      log: this.#log,
      metrics: this.#metrics,
      tracing: untraced,
    });
  }

  /** What waits without anybody to take it must not go unseen. */
  async #tellOfGaps(): Promise<void> {
    for (const { queue, count } of await countDeliveries(this.#store.read)) {
      if (this.#switchboard.has(queue)) continue;
      this.#log.warn(
        { queue, count },
        'these wait for a Trigger or a dead letter sink that is in no manifest any more',
      );
    }
    const services = this.#switchboard.unknownServices();
    if (services.length > 0)
      this.#log.info({ services }, 'no address is known for these yet: what is theirs waits');
  }

  #addGauges(): void {
    const { registry } = this.#metrics;
    addGauge(registry, {
      name: 'tradewind_broker_waiting',
      help: 'Deliveries that wait or are at work, dead letters included.',
      read: () => this.#count(() => true),
    });
    addGauge(registry, {
      name: 'tradewind_broker_dead_letters',
      help: 'Dead letters that wait for their sink.',
      read: () => this.#count((queue) => queue.endsWith(DEAD_LETTERS)),
    });
  }

  /** How many deliveries wait in the queues that `which` names. */
  async #count(which: (queue: string) => boolean): Promise<number> {
    const queues = await countDeliveries(this.#store.read);
    return queues.reduce((sum, { queue, count }) => sum + (which(queue) ? count : 0), 0);
  }
}
