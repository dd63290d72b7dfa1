import type { Burial } from './bury.ts';
import { Lane, type RedriveContext } from './lane.ts';
import { giveUp, waitingSubscribers } from './waiting.ts';

/** How often the table is looked at for what nobody told of: letters that other replicas kept, or that are too old. */
const LOOK_MS = 5000;
const GIVE_UP_BATCH = 500;

/** Delivers dead letters with a passing cause again, each subscriber's in a lane of its own. */
export class Redriver {
  readonly #context: RedriveContext;
  readonly #lanes = new Map<string, Lane>();
  /** Whom a letter has come for since the table was last looked at. */
  readonly #woken = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  /** @param closing nothing more is started once it is aborted */
  constructor(context: RedriveContext, closing: AbortSignal) {
    this.#context = context;
    closing.addEventListener('abort', () => void this.stop(0), { once: true });
    this.#look();
  }

  /** Subscribers that letters wait for. */
  get subscribers(): readonly string[] {
    return [...this.#lanes.keys()];
  }

  /** Says that a letter waits, once that is committed. */
  wake(subscriber: string, burial: Burial): void {
    if (this.#stopped) return;
    this.#woken.add(subscriber);
    this.#laneOf(subscriber).wake(burial);
  }

  /** Starts nothing more; resolves when what is at work is over, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all([this.#looking, ...[...this.#lanes.values()].map((lane) => lane.stop(graceMs))]);
  }

  /** The only place where a lane begins. */
  #laneOf(subscriber: string): Lane {
    const lane = this.#lanes.get(subscriber) ?? new Lane(subscriber, this.#context);
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

  async #reconcile(): Promise<void> {
    const { store, log } = this.#context;
    this.#woken.clear();
    const givenUp = await this.#giveUp();
    if (givenUp > 0)
      log.warn({ letters: givenUp }, 'dead letters given up after REDRIVE_MAX_AGE: replay them by hand');
    const wanted = await waitingSubscribers(store.read);
    if (this.#stopped) return;
    for (const subscriber of wanted) this.#laneOf(subscriber).look();
    for (const [subscriber, lane] of this.#lanes) {
      if (wanted.has(subscriber) || this.#woken.has(subscriber) || !lane.idle) continue;
      this.#lanes.delete(subscriber);
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
