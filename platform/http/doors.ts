import type { EventContract } from '../contract.ts';
import { createApp, type AppOptions } from './app.ts';
import { listen, type Listening } from './listen.ts';
import type { Route } from './route.ts';

/** Where a service listens. */
export interface DoorSettings {
  readonly PORT: number;
  readonly HOST: string;
  /** Where events are brought, if not at `PORT`. */
  readonly EVENTS_PORT?: number | undefined;
  readonly MAX_REQUESTS_PER_SOCKET: number;
}

/** A service that listens: at one port to everything, or to whoever brings events at a port of their own. */
export interface Doors {
  readonly api: Listening;
  /** The same as `api`, unless events have a port of their own. */
  readonly events: Listening;
  /** Stops taking connections and resolves when the requests at work are answered, or after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/**
 * Opens the ports of a service. A network policy knows ports but no paths: only with two can it keep customers and
 * staff away from where events are brought, and brokers from everything else.
 * @throws Error saying that a port is taken, and which
 */
export async function openDoors<Deps>(options: AppOptions<Deps>, settings: DoorSettings): Promise<Doors> {
  const { PORT, HOST, EVENTS_PORT, MAX_REQUESTS_PER_SOCKET: maxRequestsPerSocket } = settings;
  const open = (of: AppOptions<Deps>, port: number): Promise<Listening> =>
    listen(createApp(of), port, HOST, { maxRequestsPerSocket });
  if (EVENTS_PORT === undefined) {
    const door = await open(options, PORT);
    return { api: door, events: door, close: (graceMs) => door.close(graceMs) };
  }
  const { answerEvent: _, ...others } = options;
  const api = await open({ ...others, routes: options.routes.filter((route) => !isForEvents(route)) }, PORT);
  try {
    const events = await open(
      { ...options, routes: options.routes.filter(isForEvents), isForEvents: true },
      EVENTS_PORT,
    );
    const close = async (graceMs: number): Promise<void> => {
      await Promise.all([api.close(graceMs), events.close(graceMs)]);
    };
    return { api, events, close };
  } catch (error) {
    await api.close(0);
    throw error;
  }
}

function isForEvents<Deps>({ auth }: Route<EventContract, Deps>): boolean {
  return auth === 'event';
}
