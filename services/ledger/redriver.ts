import { Leadership } from '../../platform/leadership.ts';
import type { Burial } from './bury.ts';
import type { RedriveContext } from './lane.ts';
import { Redriving } from './redriving.ts';

/**
 * Delivers dead letters with a passing cause again. Of several replicas one does so for all: two would bring a letter
 * twice, and knock twice at who is away.
 */
export class Redriver {
  readonly #leadership: Leadership;
  #redriving: Redriving | undefined;
  #stopped = false;

  /** @param closing nothing more is started once it is aborted */
  constructor(context: Omit<RedriveContext, 'isOurs'>, closing: AbortSignal) {
    const { store, log } = context;
    const own = { ...context, isOurs: () => this.#leadership.isHeld };
    this.#leadership = new Leadership({
      store,
      name: 'redrive',
      log,
      onGain: () => {
        if (!this.#stopped) this.#redriving = new Redriving(own, this.#leadership.isShared);
      },
      onLoss: () => {
        void this.#redriving?.stop(0);
        this.#redriving = undefined;
      },
    });
    closing.addEventListener('abort', () => void this.stop(0), { once: true });
    this.#leadership.start();
  }

  /** Subscribers whose letters have their turn here. */
  get subscribers(): readonly string[] {
    return this.#redriving?.subscribers ?? [];
  }

  /** Says that a letter waits, once that is committed. */
  wake(subscriber: string, burial: Burial): void {
    this.#redriving?.wake(subscriber, burial);
  }

  /** Starts nothing more; resolves when what is at work is over, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    await this.#redriving?.stop(graceMs);
  }

  /** Lets another replica go on, once it has stopped. */
  release(): Promise<void> {
    return this.#leadership.close();
  }
}
