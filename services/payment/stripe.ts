import { Stripe } from 'stripe';
import type {
  AuthorizeAnswer,
  AuthorizeRequest,
  CaptureAnswer,
  Gateway,
  RefundAnswer,
  SettleRequest,
  VoidAnswer,
} from './gateway.ts';
import { declineOf, intentStatusOf, isExpired, isRefundedAlready, withoutDetails } from './stripe-errors.ts';

export interface StripeOptions {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly closing: AbortSignal;
  readonly now: () => Date;
}

type CardData = NonNullable<Stripe.PaymentIntentCreateParams['payment_method_data']>;

/** Used when Stripe does not say until when a card's authorization may be captured. */
const HOLD_MS = 7 * 86_400_000;

/** Payment by Stripe: one PaymentIntent per authorization, captured by hand. */
export class StripeGateway implements Gateway {
  readonly #stripe: Stripe;
  readonly #now: () => Date;

  constructor({ apiKey, baseUrl, timeoutMs, closing, now }: StripeOptions) {
    const { protocol, hostname, port } = new URL(baseUrl);
    const secure = protocol === 'https:';
    this.#now = now;
    this.#stripe = new Stripe(apiKey, {
      host: hostname,
      port: port || (secure ? 443 : 80),
      protocol: secure ? 'https' : 'http',
      // By fetch, because the SDK's own client repeats a call whose connection broke, and cannot be stopped.
      httpClient: Stripe.createFetchHttpClient(fetchUntil(closing)),
      timeout: timeoutMs,
      // The durable task asks again, under the same key, also after a restart.
      maxNetworkRetries: 0,
      telemetry: false,
    });
  }

  async authorize(request: AuthorizeRequest): Promise<AuthorizeAnswer> {
    try {
      return this.#answerOf(await this.#createIntent(request));
    } catch (error) {
      const reason = declineOf(error);
      if (reason === undefined) throw withoutDetails(error);
      return { outcome: 'declined', reason };
    }
  }

  async capture({ key, reference, amount }: SettleRequest): Promise<CaptureAnswer> {
    try {
      const { status } = await this.#stripe.paymentIntents.capture(
        reference,
        { amount_to_capture: amount },
        { idempotencyKey: key },
      );
      if (status === 'succeeded') return { outcome: 'captured' };
      throw new Error(`stripe: ${reference} is ${status} after its capture`);
    } catch (error) {
      const status = intentStatusOf(error);
      if (status === 'canceled' || isExpired(error)) return { outcome: 'lapsed' };
      // Stripe forgets keys after a day; an intent that has succeeded was captured by an earlier call.
      if (status === 'succeeded') return { outcome: 'captured' };
      throw withoutDetails(error);
    }
  }

  async void({ key, reference }: SettleRequest): Promise<VoidAnswer> {
    try {
      await this.#stripe.paymentIntents.cancel(reference, {}, { idempotencyKey: key });
      return { outcome: 'voided' };
    } catch (error) {
      if (intentStatusOf(error) === 'canceled') return { outcome: 'lapsed' };
      throw withoutDetails(error);
    }
  }

  async refund({ key, reference, amount }: SettleRequest): Promise<RefundAnswer> {
    try {
      const { id, status } = await this.#stripe.refunds.create(
        { payment_intent: reference, amount },
        { idempotencyKey: key },
      );
      if (status === 'failed' || status === 'canceled') throw new Error(`stripe: refund ${id} is ${status}`);
      return { outcome: 'refunded', reference: id };
    } catch (error) {
      if (isRefundedAlready(error)) return { outcome: 'refunded', reference };
      throw withoutDetails(error);
    }
  }

  #createIntent({
    key,
    orderId,
    customerId,
    amount,
    currency,
    token,
  }: AuthorizeRequest): Promise<Stripe.PaymentIntent> {
    return this.#stripe.paymentIntents.create(
      {
        ...methodOf(token),
        amount,
        currency: currency.toLowerCase(),
        allowed_payment_method_types: ['card'],
        capture_method: 'manual',
        confirm: true,
        // Nobody sits at the screen any more: a card that wants its owner is a declined card.
        error_on_requires_action: true,
        expand: ['latest_charge'],
        metadata: { order_id: orderId, customer_id: customerId },
      },
      { idempotencyKey: key },
    );
  }

  #answerOf({
    id,
    status,
    latest_charge: charge,
    last_payment_error: error,
  }: Stripe.PaymentIntent): AuthorizeAnswer {
    if (status === 'requires_payment_method' || status === 'canceled') {
      return { outcome: 'declined', reason: error?.decline_code || error?.code || 'card_declined' };
    }
    if (status !== 'requires_capture')
      throw new Error(`stripe: ${id} is ${status}: neither held nor declined`);
    const card = typeof charge === 'object' ? charge?.payment_method_details?.card : undefined;
    const expiresAt = card?.capture_before ? card.capture_before * 1000 : this.#now().getTime() + HOLD_MS;
    return {
      outcome: 'approved',
      reference: id,
      last4: card?.last4 ?? '0000',
      expiresAt: new Date(expiresAt).toISOString(),
    };
  }
}

/** A token from Stripe's card form, or a payment method by its id. */
function methodOf(
  token: string,
): Pick<Stripe.PaymentIntentCreateParams, 'payment_method' | 'payment_method_data'> {
  if (!token.startsWith('tok_')) return { payment_method: token };
  return { payment_method_data: { type: 'card', card: { token } } as CardData };
}

/** A fetch that ends when the service shuts down. */
function fetchUntil(closing: AbortSignal): typeof fetch {
  return (input, init) => {
    const signal = init?.signal ? AbortSignal.any([init.signal, closing]) : closing;
    return fetch(input, { ...init, signal });
  };
}
