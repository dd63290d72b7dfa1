import type { Burial } from './bury.ts';
import { Lane, type RedriveContext } from './lane.ts';
import { within } from '../../platform/within.ts';
import { arrivedSince, giveUp, latestLetter, waitingSubscribers } from './waiting.ts';

/** How often the table is looked at for what nobody told of: letters that came again elsewhere, or that are too old. */
const LOOK_MS = 5000;
/** How often new letters are looked for that other replicas kept, and how many are read at once. */
const NEWS_MS = 500;
const NEWS_BATCH = 500;
const GIVE_UP_BATCH = 500;
/** Letters name their subscribers themselves, so there may be any number; those above have their turn later. */
const MAX_LANES = 200;
/** Letters that one lane, and all of them, keep in memory until they go again. */
const MAX_WAITING = 50_000;
const MAX_WAITING_IN_ALL = 100_000;

/** Delivers dead letters with a passing cause again, each subscriber's in a lane of its own, so many lanes at once. */
export class Redriving {
  readonly #context: RedriveContext;
  readonly #lanes = new Map<string, Lane>();
  /** Whom a letter has come for since the table was last looked at. */
  readonly #woken = new Set<string>();
  /** The subscriber that the last look at the table ended with, if there are more behind it. */
  #lookedUpTo: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #newsTimer: NodeJS.Timeout | undefined;
  /** The last letter that news were told of. */
  #newest: number | undefined;
  #stopped = false;

  /** @param hearsOthers whether other replicas keep letters as well */
  constructor(context: RedriveContext, hearsOthers: boolean) {
    this.#context = context;
    this.#look();
    if (hearsOthers) void this.#hear();
  }

  /** Subscribers whose letters have their turn. */
  get subscribers(): readonly string[] {
    return [...this.#lanes.keys()];
  }

  /** Says that a letter waits, once that is committed. */
  wake(subscriber: string, burial: Burial): void {
    if (this.#stopped) return;
    this.#woken.add(subscriber);
    this.#laneOf(subscriber)?.wake(burial);
  }

  /** Starts nothing more; resolves when what is at work is over, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#newsTimer);
    const lanes = [...this.#lanes.values()].map((lane) => lane.stop(graceMs));
    await Promise.all([within(graceMs, this.#looking), ...lanes]);
  }

  /** The only place where a lane begins. @returns nothing where there is no room for another one */
  #laneOf(subscriber: string): Lane | undefined {
    const known = this.#lanes.get(subscriber);
    if (known || this.#lanes.size >= MAX_LANES) return known;
    const lane = new Lane(subscriber, this.#context, () =>
      Math.min(MAX_WAITING, Math.floor(MAX_WAITING_IN_ALL / this.#lanes.size)),
    );
    this.#lanes.set(subscriber, lane);
    return lane;
  }

  #look(): void {
    this.#looking = this.#reconcile()
      .catch((error: unknown) => this.#context.log.error({ err: error }, 'dead letters could not be read'))
      .finally(() => {
        if (!this.#stopped) this.#timer = setTimeout(() => this.#look(), LOOK_MS);
      });
  }

  /** What it misses, because a lower number was committed later, the next look finds. */
  async #hear(): Promise<void> {
    const { store, log } = this.#context;
    let found = 0;
    try {
      this.#newest ??= await latestLetter(store.read);
      const news = await arrivedSince(store.read, this.#newest, NEWS_BATCH);
      for (const { subscriber, seq, nextAt } of news) {
        this.wake(subscriber, { seq, nextAt, state: 'waiting', news: 'new' });
      }
      this.#newest = news.at(-1)?.seq ?? this.#newest;
      found = news.length;
    } catch (error) {
      log.warn({ err: error }, 'new dead letters could not be looked for; trying again');
    }
    const wait = found === NEWS_BATCH ? 0 : NEWS_MS;
    if (!this.#stopped) this.#newsTimer = setTimeout(() => void this.#hear(), wait);
  }

  async #reconcile(): Promise<void> {
    const { store, log } = this.#context;
    this.#woken.clear();
    const givenUp = await this.#giveUp();
    if (givenUp > 0)
      log.warn({ letters: givenUp }, 'dead letters given up after REDRIVE_MAX_AGE: replay them by hand');
    const wanted = await waitingSubscribers(store.read, this.#lookedUpTo, MAX_LANES);
    this.#lookedUpTo = wanted.size < MAX_LANES ? undefined : [...wanted].at(-1);
    const newcomers = [...wanted].filter((subscriber) => !this.#lanes.has(subscriber));
    await this.#makeRoom(wanted, newcomers.length);
    if (this.#stopped) return;
    for (const subscriber of newcomers) this.#laneOf(subscriber);
    for (const lane of this.#lanes.values()) lane.look();
  }

  /** Ends the lanes with nothing to do, and those to nobody as far as others need their place. */
  async #makeRoom(wanted: ReadonlySet<string>, newcomers: number): Promise<void> {
    let lacking = this.#lanes.size + newcomers - MAX_LANES;
    for (const [subscriber, lane] of this.#lanes) {
      if (this.#woken.has(subscriber)) continue;
      if (lane.idle ? wanted.has(subscriber) : lacking <= 0 || !lane.away) continue;
      this.#lanes.delete(subscriber);
      lacking -= 1;
      await lane.stop(0);
    }
  }

  async #giveUp(): Promise<number> {
    const { store, settings, now } = this.#context;
    const before = new Date(now().getTime() - settings.REDRIVE_MAX_AGE);
    let total = 0;
    for (let found = GIVE_UP_BATCH; found === GIVE_UP_BATCH && !this.#stopped; total += found) {
      found = await store.write((tx) => giveUp(tx, before, now(), GIVE_UP_BATCH));
    }
    return total;
  }
}
