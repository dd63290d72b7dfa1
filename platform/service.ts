import type { Registry } from 'prom-client';
import type { z } from 'zod';
import type { WireEvent } from './cloudevents.ts';
import type { DataOf, EventContract, Fact } from './contract.ts';
import type { SecurityScheme } from './http/openapi.ts';
import type { Route } from './http/route.ts';
import type { Log } from './log.ts';
import type { Sink } from './sink.ts';
import type { Migration } from './store/migrate.ts';
import type { Reader, Store, Tx } from './store/store.ts';

/** An event as a handler gets it: checked against its contract. */
export interface Received<C extends EventContract> {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data: DataOf<C>;
  /** Which replay brought it. Nothing may depend on it: effects are guarded by inbox and business keys as always. */
  readonly replay?: string;
}

/** What a handler may look at beside its event. The clock is read once per event. */
export interface Scope<Deps> {
  readonly now: Date;
  readonly deps: Deps;
  readonly log: Log;
}

/** Work to be done later or outside, stored in the transaction that decides it. */
export interface TaskOrder {
  readonly kind: string;
  /**
   * Unique per kind: what waits already is the same work, done once at the earlier time. Ordered while it is at work,
   * it is done again.
   */
  readonly key: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Not before this instant. @default now */
  readonly dueAt?: Date;
}

/** What a decision brings about, stored in the transaction that made it. */
export interface Effects<E extends EventContract> {
  readonly emit?: readonly Fact<E>[];
  readonly tasks?: readonly TaskOrder[];
  /** Tasks that are no longer needed, as `kind` and `key`. */
  readonly cancel?: readonly { readonly kind: string; readonly key: string }[];
  /** Why nothing came of it, for the log: an older revision, a closed order. */
  readonly ignored?: string;
}

/** One line of a card's `handles`. Made by {@link on}. */
export interface Subscription<E extends EventContract, Deps> {
  readonly contract: EventContract;
  handle(tx: Tx, event: Received<EventContract>, scope: Scope<Deps>): Promise<Effects<E>>;
}

/** Says what a service does when an event arrives. The handler runs inside the inbox's transaction. */
export function on<C extends EventContract, E extends EventContract, Deps>(
  contract: C,
  handle: (tx: Tx, event: Received<C>, scope: Scope<Deps>) => Promise<Effects<E>>,
): Subscription<E, Deps> {
  // Sound because intake checks the data against this very contract before it calls.
  return { contract, handle };
}

/** Takes events of any type, as they are on the wire. */
export interface Tap<Deps> {
  /** What an event must carry, beside what no subscription of the card takes. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Sees every delivery, repeated ones too: the inbox does not stand before it. @returns what became of this one */
  take(tx: Tx, event: WireEvent, scope: Scope<Deps>): Promise<'handled' | 'ignored' | 'duplicate'>;
}

/** A kind of durable task. Made by {@link task}, {@link deadline} or {@link recurring}. */
export interface TaskKind<E extends EventContract, Deps> {
  readonly kind: string;
  /** Ordered at every start of the service, under its kind as key. */
  readonly recurs?: true;
  /** The outside part, without a transaction; repeated with backoff until it resolves. */
  readonly perform: ((payload: never, scope: Scope<Deps>) => Promise<unknown>) | undefined;
  /** The inside part: runs in the transaction that removes the task. */
  settle(tx: Tx, payload: unknown, result: unknown, scope: Scope<Deps>): Promise<Effects<E>>;
}

/**
 * Outside work with a durable order: `perform` talks to the world under an idempotency key of its own, `settle`
 * stores the result. A `perform` that rejects is repeated with backoff, for ever.
 */
export function task<Payload, Result, E extends EventContract, Deps>(
  kind: string,
  perform: (payload: Payload, scope: Scope<Deps>) => Promise<Result>,
  settle: (tx: Tx, payload: Payload, result: Result, scope: Scope<Deps>) => Promise<Effects<E>>,
): TaskKind<E, Deps> {
  return {
    kind,
    perform,
    settle,
  };
}

/** A decision that is due at a time: no outside part. */
export function deadline<Payload, E extends EventContract, Deps>(
  kind: string,
  settle: (tx: Tx, payload: Payload, scope: Scope<Deps>) => Promise<Effects<E>>,
): TaskKind<E, Deps> {
  return {
    kind,
    perform: undefined,
    settle: (tx, payload, _result, scope) => settle(tx, payload as Payload, scope),
  };
}

/**
 * Inside work that comes at every start and then again and again, `everyMs` after it was done.
 * @param work may do a part only, so that nobody waits long behind it. @returns whether there is more to do at once
 */
export function recurring<E extends EventContract, Deps>(
  kind: string,
  everyMs: number,
  work: (tx: Tx, scope: Scope<Deps>) => Promise<boolean>,
): TaskKind<E, Deps> {
  return {
    kind,
    recurs: true,
    perform: undefined,
    async settle(tx, _payload, _result, scope) {
      const wait = (await work(tx, scope)) ? 0 : everyMs;
      return { tasks: [{ kind, key: kind, payload: {}, dueAt: new Date(scope.now.getTime() + wait) }] };
    },
  };
}

/** What `open` gets to build a service's collaborators from. */
export interface OpenContext<Settings> {
  readonly settings: Settings;
  readonly store: Store;
  readonly log: Log;
  readonly now: () => Date;
  /** Aborted when the service shuts down: calls to the outside end then. */
  readonly closing: AbortSignal;
  /** The broker's front door; `undefined` where none is set. */
  readonly sink: Sink | undefined;
  /** For counters of its own. */
  readonly registry: Registry;
  /** Opens a further database of this service's own, for a part that keeps its books apart. */
  openStore(name: string): Promise<Store>;
}

/** A number for `/metrics`, read when asked for: one, or one per set of labels. */
export interface GaugeCard {
  readonly help: string;
  /** Names of the labels that its samples have. */
  readonly labels?: readonly string[];
  read(reader: Reader, now: Date): Promise<number | readonly Sample[]>;
}

/** One value of a gauge with labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything a service is: what it handles, what it emits, what it does later, and its routes. */
export interface ServiceCard<E extends EventContract, Shape extends z.ZodRawShape, Deps extends object> {
  readonly name: string;
  readonly summary: string;
  /** The only events it may emit; the compiler refuses any other. */
  readonly emits: readonly E[];
  readonly handles: readonly Subscription<NoInfer<E>, NoInfer<Deps>>[];
  /** What it takes beside, whatever its type. */
  readonly taps?: readonly Tap<NoInfer<Deps>>[];
  readonly tasks: readonly TaskKind<NoInfer<E>, NoInfer<Deps>>[];
  readonly routes: readonly Route<NoInfer<E>, NoInfer<Deps>>[];
  /** How customers show who they are; needed where a route is for customers. */
  readonly customerAuth?: SecurityScheme;
  readonly migrations: readonly Migration[];
  /** Its own settings: variable name → schema (see `setting`). */
  readonly settings: Shape;
  /** Builds its collaborators. A `close` among them is called at shutdown. */
  open(context: OpenContext<z.infer<z.ZodObject<Shape>>>): Promise<Deps>;
  /** Runs once at every start, before the first event: for opening data. */
  prepare?(tx: Tx, scope: Scope<NoInfer<Deps>>): Promise<Effects<NoInfer<E>>>;
  /** Numbers for `/metrics`, by name. */
  gauges?: Readonly<Record<string, GaugeCard>>;
  /** Its port on one machine, counted from the shop's first one. @default the next free one */
  readonly portOffset?: number;
}

/** A card whose type parameters no longer matter: what runs, lists and documents services. */
// oxlint-disable-next-line typescript/no-explicit-any -- an existential type; the card was checked where it was defined
export type AnyServiceCard = ServiceCard<any, any, any>;

/** Checks a card where it is written: handlers, tasks and routes emit only what `emits` lists. */
export function defineService<
  const E extends EventContract,
  const Shape extends z.ZodRawShape,
  Deps extends object,
>(card: ServiceCard<E, Shape, Deps>): ServiceCard<E, Shape, Deps> {
  return card;
}
