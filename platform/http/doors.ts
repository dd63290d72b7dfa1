import type { EventContract } from '../contract.ts';
import { createApp, type AppOptions } from './app.ts';
import { listen, type Listening } from './listen.ts';
import { describeApi, type SecurityScheme } from './openapi.ts';
import type { Route } from './route.ts';

/** Where a service listens. */
export interface DoorSettings {
  readonly PORT: number;
  readonly HOST: string;
  /** Where events are brought, if not at `PORT`. */
  readonly EVENTS_PORT?: number | undefined;
  readonly MAX_REQUESTS_PER_SOCKET: number;
}

/** What the doors of a service show. */
export interface DoorOptions<Deps> extends Omit<AppOptions<Deps>, 'openapi' | 'routes'> {
  /** Its name, what it is, its routes, and how customers show who they are. */
  readonly card: {
    readonly name: string;
    readonly summary: string;
    readonly routes: readonly Route<EventContract, Deps>[];
    readonly customerAuth?: SecurityScheme;
  };
}

/** A service that listens, at one port or at two. */
export interface Doors {
  readonly api: Listening;
  /** The same as `api`, unless events have a port of their own. */
  readonly events: Listening;
  /** Stops taking connections and resolves when the requests at work are answered, or after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/**
 * Opens the ports of a service. A network policy knows ports but no paths: only with two can it keep customers and
 * staff away from where events are brought. Whoever may bring events may do the rest as well.
 * @throws Error saying that a port is taken, and which
 */
export async function openDoors<Deps>(options: DoorOptions<Deps>, settings: DoorSettings): Promise<Doors> {
  const { PORT, HOST, EVENTS_PORT, MAX_REQUESTS_PER_SOCKET: maxRequestsPerSocket } = settings;
  const open = (shown: DoorOptions<Deps>, port: number): Promise<Listening> =>
    listen(appOf(shown), port, HOST, { maxRequestsPerSocket });
  if (EVENTS_PORT === undefined) {
    const door = await open(options, PORT);
    return { api: door, events: door, close: (graceMs) => door.close(graceMs) };
  }
  const api = await open(withoutEvents(options), PORT);
  try {
    const events = await open(options, EVENTS_PORT);
    const close = async (graceMs: number): Promise<void> => {
      await Promise.all([api.close(graceMs), events.close(graceMs)]);
    };
    return { api, events, close };
  } catch (error) {
    await api.close(0);
    throw error;
  }
}

function withoutEvents<Deps>(options: DoorOptions<Deps>): DoorOptions<Deps> {
  const { card } = options;
  const routes = card.routes.filter(({ auth }) => auth !== 'event');
  return { ...options, answerEvent: undefined, card: { ...card, routes } };
}

function appOf<Deps>({ card, ...shown }: DoorOptions<Deps>): ReturnType<typeof createApp> {
  const { name: title, summary: description, routes, customerAuth } = card;
  const openapi = (): Record<string, unknown> =>
    describeApi({ title, description, version: '1.0.0' }, routes, customerAuth);
  return createApp({ ...shown, routes, openapi });
}
