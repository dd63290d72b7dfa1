import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import type { EventContract } from './contract.ts';
import { storeEffects, type Left } from './emit.ts';
import { openDoors, type Doors } from './http/doors.ts';
import type { RouteHost } from './http/route.ts';
import { Intake } from './intake.ts';
import { createLog, type Log } from './log.ts';
import { addServiceGauges } from './gauges.ts';
import { createMetrics, type ServiceMetrics } from './metrics.ts';
import { eventGuardOf, type EventGuard } from './oidc/guard.ts';
import { inboxPruning, taskPruning } from './prune.ts';
import { readinessOf } from './readiness.ts';
import { Relay } from './relay.ts';
import type { AnyServiceCard, Scope, ServiceCard, TaskKind } from './service.ts';
import type { ServiceSettings } from './settings.ts';
import { sinkOf, type Sink } from './sink.ts';
import { writeOrRetry } from './store/documents.ts';
import { migrate } from './store/migrate.ts';
import { storageOf, type Storage } from './store/open.ts';
import { outboxLag } from './store/outbox.ts';
import { platformMigrations } from './store/schema.ts';
import type { Store } from './store/store.ts';
import { dropLeases, earliestDue } from './store/tasks.ts';
import { TaskRunner } from './task-runner.ts';
import { openTracing, untraced, type Tracing } from './trace/tracing.ts';

/** How a service is started beside its settings: what tests and the one-process shop replace. */
export interface StartOptions {
  readonly now?: () => Date;
  readonly log?: Log;
}

/** A service that runs. */
export interface RunningService {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Where events are brought; the same as `url`, unless `EVENTS_PORT` is set. */
  readonly eventsUrl: string;
  readonly intake: Intake<unknown>;
  readonly store: Store;
  readonly deps: unknown;
  readonly metrics: ServiceMetrics;
  /** Whether nothing waits: no event to send, no task due. */
  idle(): Promise<boolean>;
  /** Looks for due tasks now: for whoever moves the clock. */
  wake(): void;
  /** Not ready any more; finishes what is at work; stops sending; closes its databases. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts a service from its card: opens its database, brings it up to date, listens, and sends what waits.
 * @param settings the platform's and the card's own, already read (see `readConfig`).
 */
export async function startService(
  card: AnyServiceCard,
  settings: ServiceSettings & Record<string, unknown>,
  options: StartOptions = {},
): Promise<RunningService> {
  const running = new Runtime(card, settings, options);
  try {
    await running.start();
    return running;
  } catch (error) {
    await running.close();
    throw error;
  }
}

class Runtime implements RunningService {
  readonly name: string;
  readonly metrics: ServiceMetrics;
  readonly #card: ServiceCard<EventContract, z.ZodRawShape, object>;
  readonly #settings: ServiceSettings;
  readonly #log: Log;
  readonly #now: () => Date;
  readonly #sink: Sink | undefined;
  readonly #guard: EventGuard | undefined;
  readonly #closing = new AbortController();
  readonly #contracts: ReadonlyMap<string, EventContract>;
  readonly #kinds: readonly TaskKind<EventContract, object>[];
  readonly #stores: Store[] = [];
  #deps: object = {};
  #tracing: Tracing = untraced;
  #intake: Intake<object> | undefined;
  #doors: Doors | undefined;
  #relay: Relay | undefined;
  #runner: TaskRunner<object> | undefined;
  #storage: Storage | undefined;
  #closed: Promise<void> | undefined;

  constructor(card: AnyServiceCard, settings: ServiceSettings, options: StartOptions) {
    this.#card = card as ServiceCard<EventContract, z.ZodRawShape, object>;
    this.#settings = settings;
    this.name = card.name;
    this.#now = options.now ?? (() => new Date());
    this.#log =
      options.log ??
      createLog({ service: card.name, level: settings.LOG_LEVEL, format: settings.LOG_FORMAT });
    const { INBOX_RETENTION: retention } = settings;
    const kinds = [...this.#card.tasks, inboxPruning<object>(retention)];
    const names = kinds.map(({ kind }) => kind);
    this.#kinds = [...kinds, taskPruning(names, retention)];
    this.#contracts = new Map(this.#card.emits.map((contract) => [contract.name, contract]));
    this.metrics = createMetrics(card.name);
    this.#sink = sinkOf(settings);
    this.#guard = eventGuardOf(settings, this.#log, this.#now, this.#closing.signal);
  }

  get url(): string {
    return this.#doors?.api.url ?? '';
  }

  get eventsUrl(): string {
    return this.#doors?.events.url ?? '';
  }

  get port(): number {
    return this.#doors?.api.port ?? 0;
  }

  get intake(): Intake<unknown> {
    if (!this.#intake) throw new Error(`${this.name} is not running`);
    return this.#intake;
  }

  get store(): Store {
    const [store] = this.#stores;
    if (!store) throw new Error(`${this.name} has no open store`);
    return store;
  }

  get deps(): unknown {
    return this.#deps;
  }

  async start(): Promise<void> {
    const card = this.#card;
    this.#tracing = await openTracing(card.name, this.#settings, this.#log);
    const store = await this.#openStore(card.name);
    await migrate(store, [...platformMigrations, ...card.migrations]);
    if (store.dialect.engine === 'sqlite') await store.write((tx) => dropLeases(tx));
    this.#deps = await card.open({
      settings: this.#settings,
      store,
      log: this.#log,
      now: this.#now,
      closing: this.#closing.signal,
      sink: this.#sink,
      registry: this.metrics.registry,
      openStore: (name) => this.#openStore(name),
    });
    await this.#prepare();
    addServiceGauges(this.metrics.registry, store.read, this.#now, card.gauges);
    this.#intake = this.#createIntake();
    this.#startRelay();
    this.#runner = new TaskRunner({ ...this.#shared(), kinds: this.#kinds });
    this.#doors = await this.#openDoors();
    if (this.#settings.STAFF_TOKEN === undefined)
      this.#log.warn('STAFF_TOKEN is not set: the staff routes are closed');
    this.#log.info({ port: this.port, sink: this.#settings.K_SINK ?? null }, 'ready');
  }

  async idle(): Promise<boolean> {
    // In this order: a task leaves its events in the outbox when it goes, and one that came meanwhile is due by now.
    const due = await earliestDue(this.store.read);
    if (due !== undefined && due <= this.#now()) return false;
    return (await outboxLag(this.store.read)).waiting === 0;
  }

  wake(): void {
    this.#onCommit({ events: true, tasks: true });
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    const { SHUTDOWN_DELAY: delay, SHUTDOWN_GRACE: grace } = this.#settings;
    this.#runner?.retire();
    this.#closing.abort();
    if (this.#doors && delay > 0) await sleep(delay);
    const end = performance.now() + grace;
    const left = (): number => Math.max(0, end - performance.now());
    await this.#doors?.close(left());
    await this.#runner?.stop(left());
    await this.#relay?.stop(left());
    if ('close' in this.#deps && typeof this.#deps.close === 'function') await this.#deps.close();
    for (const store of this.#stores.toReversed()) await store.close();
    await this.#storage?.release();
    await this.#tracing.close(left());
    this.#log.info('stopped');
  }

  async #openStore(name: string): Promise<Store> {
    this.#storage ??= storageOf(this.name, this.#settings, this.#log);
    const store = await this.#storage.open(name);
    this.#stores.push(store);
    return store;
  }

  async #prepare(): Promise<void> {
    const recurring = this.#kinds.filter(({ recurs }) => recurs);
    const tasks = recurring.map(({ kind }) => ({ kind, key: kind, payload: {} }));
    await this.store.write(async (tx) => {
      const scope = this.#scope();
      const effects = (await this.#card.prepare?.(tx, scope)) ?? {};
      const ordered = { ...effects, tasks: [...(effects.tasks ?? []), ...tasks] };
      await storeEffects(tx, this.#contracts, ordered, {}, scope.now);
    });
  }

  #scope(): Scope<object> {
    return { now: this.#now(), deps: this.#deps, log: this.#log };
  }

  /** After a commit there may be events to send and tasks to do. */
  readonly #onCommit = ({ events, tasks }: Left): void => {
    if (events) this.#relay?.wake();
    if (tasks) this.#runner?.wake();
  };

  #createIntake(): Intake<object> {
    return new Intake({
      ...this.#shared(),
      handles: this.#card.handles,
      taps: this.#card.taps ?? [],
      guard: this.#guard,
      maxBodyBytes: this.#settings.MAX_BODY_BYTES,
      maxInFlight: this.#settings.MAX_EVENTS_IN_FLIGHT,
      poisonStatus: this.#settings.POISON_STATUS,
    });
  }

  /** What everything that decides in a transaction needs. */
  #shared() {
    return {
      store: this.store,
      contracts: this.#contracts,
      scope: () => this.#scope(),
      log: this.#log,
      metrics: this.metrics,
      tracing: this.#tracing,
      onCommit: this.#onCommit,
    };
  }

  #startRelay(): void {
    const { K_CE_OVERRIDES: overrides, RELAY_IN_FLIGHT: maxInFlight } = this.#settings;
    if (!this.#sink) {
      this.#log.warn('K_SINK is not set: events wait in the outbox until a sink is known');
      return;
    }
    this.#relay = new Relay({ ...this.#shared(), sink: this.#sink, overrides, maxInFlight });
  }

  #openDoors(): Promise<Doors> {
    return openDoors(
      {
        card: this.#card,
        context: this.#routeHost(),
        guard: this.#guard,
        staffToken: this.#settings.STAFF_TOKEN,
        maxBodyBytes: this.#settings.MAX_BODY_BYTES,
        answerEvent: (request, response) => this.intake.answer(request, response),
        notReady: readinessOf(this.store, this.#closing.signal),
        log: this.#log,
        metrics: this.metrics,
        tracing: this.#tracing,
      },
      this.#settings,
    );
  }

  #routeHost(): RouteHost<EventContract, object> {
    return {
      deps: this.#deps,
      read: this.store.read,
      log: this.#log,
      now: this.#now,
      closing: this.#closing.signal,
      commit: async (work, cause) => {
        const { value, left } = await writeOrRetry(this.store, async (tx) => {
          const scope = this.#scope();
          const [result, effects] = await work(tx, scope);
          const stored = await storeEffects(tx, this.#contracts, effects, cause, scope.now);
          return { value: result, left: stored };
        });
        this.#onCommit(left);
        return value;
      },
    };
  }
}
