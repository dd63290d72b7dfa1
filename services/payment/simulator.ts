import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../../platform/store/migrate.ts';
import type { Store, Tx } from '../../platform/store/store.ts';
import { cardOf, type Card } from './simulator-cards.ts';
import {
  addCharge,
  chargeOf,
  forgetKeys,
  migrations,
  saveAnswer,
  takeKey,
  updateCharge,
  wasAuthorized,
  type Charge,
} from './simulator-store.ts';
import type {
  AuthorizeAnswer,
  AuthorizeRequest,
  CaptureAnswer,
  Gateway,
  RefundAnswer,
  SettleRequest,
  VoidAnswer,
} from './gateway.ts';

export interface SimulatorOptions {
  /** Its own database: nobody else reads or writes it. */
  readonly store: Store;
  readonly now: () => Date;
  /** Milliseconds that an authorization lasts on a card of the short sort. */
  readonly shortHoldMs: number;
}

const HOLD_MS = 7 * 86_400_000;
const SLOW_MS = 3000;
/** How long a key is remembered: no call of the shop comes again after so long. */
const KEEP_KEYS_MS = 30 * 86_400_000;
/** Every new key takes old ones away, more than one: they never become many, and nobody waits long. */
const FORGET_AT_ONCE = 2;

/**
 * A payment provider in miniature: it remembers every key with its answer, in the transaction of the charge, so that
 * a call repeated after any accident gets the answer of the first.
 */
export class Simulator implements Gateway {
  readonly #options: SimulatorOptions;

  private constructor(options: SimulatorOptions) {
    this.#options = options;
  }

  static async open(options: SimulatorOptions): Promise<Simulator> {
    await migrate(options.store, migrations);
    return new Simulator(options);
  }

  async authorize(request: AuthorizeRequest): Promise<AuthorizeAnswer> {
    const card = cardOf(request.token);
    const { answer, first } = await this.#once('authorize', request, (tx) =>
      this.#authorize(tx, request, card),
    );
    if (card.loses && first) return new Promise<never>(() => {});
    // Unreferenced, so that a slow answer keeps no process alive.
    if (card.slow && first) await delay(SLOW_MS, undefined, { ref: false });
    return answer;
  }

  async capture(request: SettleRequest): Promise<CaptureAnswer> {
    const { answer } = await this.#once('capture', request, async (tx): Promise<CaptureAnswer> => {
      const charge = await this.#openCharge(tx, request);
      if (this.#isLapsed(charge)) return { outcome: 'lapsed' };
      await updateCharge(tx, { ...charge, captured: request.amount });
      return { outcome: 'captured' };
    });
    return answer;
  }

  async void(request: SettleRequest): Promise<VoidAnswer> {
    const { answer } = await this.#once('void', request, async (tx): Promise<VoidAnswer> => {
      const charge = await this.#openCharge(tx, request);
      if (this.#isLapsed(charge)) return { outcome: 'lapsed' };
      await updateCharge(tx, { ...charge, voided: charge.amount });
      return { outcome: 'voided' };
    });
    return answer;
  }

  async refund(request: SettleRequest): Promise<RefundAnswer> {
    const { answer } = await this.#once('refund', request, async (tx): Promise<RefundAnswer> => {
      const charge = await chargeOf(tx, request.reference);
      if (!charge || charge.refunded + request.amount > charge.captured) {
        throw new Error(`simulator: ${request.reference} has less than ${request.amount} to refund`);
      }
      await updateCharge(tx, { ...charge, refunded: charge.refunded + request.amount });
      return { outcome: 'refunded', reference: referenceOf('re', request.key) };
    });
    return answer;
  }

  async #authorize(tx: Tx, request: AuthorizeRequest, card: Card): Promise<AuthorizeAnswer> {
    const { key, orderId, amount, currency } = request;
    const again = card.declinesAgain !== undefined && (await wasAuthorized(tx, orderId));
    const refusal = again ? card.declinesAgain : card.declines;
    if (refusal !== undefined) return { outcome: 'declined', reason: refusal };
    const reference = referenceOf('ch', key);
    const lasts = card.short ? this.#options.shortHoldMs : HOLD_MS;
    const expiresAt = new Date(this.#options.now().getTime() + lasts).toISOString();
    await addCharge(tx, {
      reference,
      orderId,
      amount,
      currency,
      captured: 0,
      voided: 0,
      refunded: 0,
      expiresAt,
    });
    return { outcome: 'approved', reference, last4: card.last4, expiresAt };
  }

  /**
   * Does a call, or gives the answer it had. The key is taken before the work, and both are kept or dropped together:
   * a second call that comes meanwhile waits for the first.
   */
  #once<Answer>(
    operation: string,
    request: AuthorizeRequest | SettleRequest,
    work: (tx: Tx) => Promise<Answer>,
  ): Promise<{ answer: Answer; first: boolean }> {
    const fingerprint = digest(JSON.stringify({ operation, ...request }));
    return this.#options.store.write(async (tx) => {
      const now = this.#options.now();
      const before = await takeKey(tx, request.key, fingerprint, now);
      if (before === undefined) {
        await forgetKeys(tx, new Date(now.getTime() - KEEP_KEYS_MS), FORGET_AT_ONCE);
        const answer = await work(tx);
        await saveAnswer(tx, request.key, answer);
        return { answer, first: true };
      }
      if (before.request !== fingerprint) {
        throw new Error(`simulator: key "${request.key}" was used for another request`);
      }
      return { answer: JSON.parse(before.answer) as Answer, first: false };
    });
  }

  async #openCharge(tx: Tx, { reference, amount }: SettleRequest): Promise<Charge> {
    const charge = await chargeOf(tx, reference);
    if (!charge) throw new Error(`simulator: there is no charge ${reference}`);
    if (charge.captured + charge.voided > 0) throw new Error(`simulator: ${reference} is not open any more`);
    if (amount > charge.amount) throw new Error(`simulator: ${reference} holds less than ${amount}`);
    return charge;
  }

  #isLapsed({ expiresAt }: Charge): boolean {
    return Date.parse(expiresAt) <= this.#options.now().getTime();
  }
}

function referenceOf(prefix: string, key: string): string {
  return `${prefix}_${digest(key).slice(0, 24)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
