import type { Log } from '../log.ts';
import type { Tx } from '../store/store.ts';
import type { EventCache } from './event-cache.ts';
import { nearestTrigger } from './nearest.ts';
import { insertEvent } from './store.ts';
import type { Filter } from './filter.ts';
import type { RoutedEvent } from '../delivery/forwarded.ts';
import { keyOf, type TriggerManifest } from './manifests.ts';

/** A Trigger with its compiled filter, and the queue behind it. */
export interface Route {
  readonly manifest: TriggerManifest;
  readonly filter: Filter;
  readonly queue: { readonly name: string; wake(): void };
}

export const TTL = 'knativebrokerttl';
const MAX_TTL = 255;
const REPEAT_AFTER_MS = 60_000;
const MAX_REMEMBERED = 1000;

/** Takes events in: finds the Triggers that want one, and stores it with a delivery for each. */
export class Acceptance {
  readonly #routes = new Map<string, Route[]>();
  readonly #cache: EventCache;
  readonly #log: Log;
  readonly #now: () => Date;
  /** When an unmatched type was last logged, and how many came since. */
  readonly #unmatched = new Map<string, { at: number; more: number }>();

  constructor(options: { readonly cache: EventCache; readonly log: Log; readonly now: () => Date }) {
    this.#cache = options.cache;
    this.#log = options.log;
    this.#now = options.now;
  }

  /** Adds a Trigger. Events taken before do not reach it. */
  add(route: Route): void {
    const { namespace, broker } = route.manifest;
    const key = keyOf({ namespace, name: broker });
    this.#routes.set(key, [...(this.#routes.get(key) ?? []), route]);
  }

  /**
   * Stores an event for every Trigger that wants it; deliveries start after the commit. Sets the arrival time and
   * the time to live (broker-contract, section 1.3). What an event says of a failure is left off: a broker says that.
   */
  async accept(tx: Tx, broker: string, event: RoutedEvent, ttl = MAX_TTL): Promise<void> {
    const now = this.#now();
    const said = withoutErrors(event.attributes);
    const wanted = (this.#routes.get(broker) ?? []).filter(({ filter }) => filter(withoutTtl(said)));
    if (wanted.length === 0) {
      this.#logUnmatched(broker, said);
      return;
    }
    const attributes = { ...said, knativearrivaltime: now.toISOString(), [TTL]: String(ttl) };
    const queues = wanted.map((route) => route.queue);
    const names = queues.map((queue) => queue.name);
    const routed = { ...event, attributes };
    const seq = await insertEvent(tx, broker, routed, names, now);
    tx.afterCommit(() => {
      this.#cache.add({ ...routed, seq, broker });
      for (const queue of queues) queue.wake();
    });
  }

  /** A lost event is logged with the Trigger it came nearest to; a stream of them once a minute. */
  #logUnmatched(broker: string, attributes: Readonly<Record<string, string>>): void {
    const { id, source, type = '', subject } = attributes;
    const at = this.#now().getTime();
    const last = this.#unmatched.get(type);
    if (last && at - last.at < REPEAT_AFTER_MS) {
      last.more += 1;
      return;
    }
    if (this.#unmatched.size >= MAX_REMEMBERED) this.#unmatched.clear();
    this.#unmatched.set(type, { at, more: 0 });
    const nearest = nearestTrigger(
      (this.#routes.get(broker) ?? []).map((route) => route.manifest),
      attributes,
    );
    const more = last?.more ? { alsoUnmatched: last.more } : {};
    // Said once aloud; a type that nobody listens to yet is no news every minute.
    this.#log[last ? 'info' : 'warn'](
      { eventId: id, source, type, subject, nearest, ...more },
      'no Trigger wants this event: it ends here',
    );
  }
}

/** The attributes without the time to live, which neither filters nor subscribers see. */
export function withoutTtl(attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (attributes[TTL] === undefined) return attributes;
  const { [TTL]: _, ...rest } = attributes;
  return rest;
}

/** Whoever writes these could choose where a dead letter is delivered to, and hide its real failure. */
function withoutErrors(attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !name.startsWith('knativeerror')));
}

/** What is left to live for an event that passes the broker, or for the reply to one; 0 means that it ends here. */
export function nextTtl(attributes: Readonly<Record<string, string>>): number {
  const text = attributes[TTL]?.trim();
  const ttl = Number(text);
  return !text || !Number.isInteger(ttl) ? MAX_TTL : Math.max(0, ttl - 1);
}
