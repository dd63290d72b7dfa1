import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { EventContract } from '../contract.ts';
import type { Log } from '../log.ts';
import type { Effects, Scope } from '../service.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { Cause } from '../store/tasks.ts';

/** What a route answers. A `stream` takes the response over; a `bytes` body goes out as it is. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly bytes?: { readonly type: string; readonly content: Uint8Array };
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: (response: ServerResponse) => Promise<void>;
}

/** What a route gets of the request: every part checked by its schema. */
export interface RouteRequest<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly raw: IncomingMessage;
  header(name: string): string | undefined;
}

/** What a route may use: its service's collaborators, committed reads, and transactions that may emit. */
export interface RouteContext<E extends EventContract, Deps> {
  readonly deps: Deps;
  readonly read: Reader;
  readonly log: Log;
  readonly now: () => Date;
  /** Aborted when the service shuts down: long answers end then. */
  readonly closing: AbortSignal;
  /** Runs a decision in a transaction, stores its effects with it, and resolves after the commit. */
  commit<T>(work: (tx: Tx, scope: Scope<Deps>) => Promise<readonly [T, Effects<E>]>): Promise<T>;
}

/** What a service gives to all of its routes; the cause of what a route commits comes from its request. */
export interface RouteHost<E extends EventContract, Deps> extends Omit<RouteContext<E, Deps>, 'commit'> {
  commit<T>(
    work: (tx: Tx, scope: Scope<Deps>) => Promise<readonly [T, Effects<E>]>,
    cause: Cause,
  ): Promise<T>;
}

/** One route of a service's API, with all that OpenAPI says of it. Made by {@link routeFor}. */
export interface Route<E extends EventContract, Deps> {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Express path, like `/api/orders/:id`. */
  readonly path: string;
  readonly summary: string;
  /**
   * `staff`: bearer token, checked before anything else. `event`: so is the token of whoever brings events, where
   * `OIDC_ISSUER` asks for one. `customer`: the service checks the session.
   */
  readonly auth: 'none' | 'customer' | 'staff' | 'event';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly responses: Readonly<Record<number, ResponseDoc>>;
  /** Looks at the headers before anything else is read or checked: for sessions, which are the service's own. */
  precheck?(header: (name: string) => string | undefined, deps: Deps): void;
  handle(request: RouteRequest<never, never, never>, context: RouteContext<E, Deps>): Promise<Reply>;
}

/** What an answer of a route looks like. */
export interface ResponseDoc {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** @default 'application/json' */
  readonly contentType?: string;
}

type Parsed<Schema> = Schema extends z.ZodType ? z.infer<Schema> : undefined;

interface Definition<E extends EventContract, Deps, P, Q, B> extends Omit<
  Route<E, Deps>,
  'handle' | 'params' | 'query' | 'body'
> {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  handle(
    request: RouteRequest<Parsed<P>, Parsed<Q>, Parsed<B>>,
    context: RouteContext<E, Deps>,
  ): Promise<Reply>;
}

/**
 * Makes a service's `route` function; a handler then gets params, query and body in the types of their schemas, and
 * `commit` takes only the events of that service.
 */
export function routeFor<E extends EventContract, Deps>() {
  return <
    P extends z.ZodObject | undefined = undefined,
    Q extends z.ZodObject | undefined = undefined,
    B extends z.ZodType | undefined = undefined,
  >(
    definition: Definition<E, Deps, P, Q, B>,
  ): Route<E, Deps> => {
    const { query, body } = definition;
    const checked = {
      ...definition,
      ...(query ? { query: query.strict() } : {}),
      ...(body ? { body: strict(body) } : {}),
    };
    return checked as unknown as Route<E, Deps>;
  };
}

/** What is not known is refused: a misspelled field that is passed over does something else than was asked for. */
function strict(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodObject ? schema.strict() : schema;
}
