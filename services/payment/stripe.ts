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

type Method = Pick<
  Stripe.PaymentIntentCreateParams,
  | 'customer'
  | 'payment_method'
  | 'payment_method_data'
  | 'setup_future_usage'
  | 'off_session'
  | 'error_on_requires_action'
>;
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

  async #createIntent(request: AuthorizeRequest): Promise<Stripe.PaymentIntent> {
    const { key, orderId, customerId, amount, currency, saved } = request;
    const method = saved === undefined ? await this.#newMethod(request) : savedMethod(saved);
    return this.#stripe.paymentIntents.create(
      {
        ...method,
        amount,
        currency: currency.toLowerCase(),
        allowed_payment_method_types: ['card'],
        capture_method: 'manual',
        confirm: true,
        expand: ['latest_charge'],
        metadata: { order_id: orderId, customer_id: customerId },
      },
      { idempotencyKey: key },
    );
  }

  /** A token works once, so the card is kept with a Stripe customer for as long as the order may need it again. */
  async #newMethod({ key, customerId, token }: AuthorizeRequest): Promise<Method> {
    const { id: customer } = await this.#stripe.customers.create(
      { metadata: { customer_id: customerId } },
      { idempotencyKey: `${key}:customer` },
    );
    return {
      ...methodOf(token),
      customer,
      setup_future_usage: 'off_session',
      // Nobody sits at the screen any more: a card that wants its owner is a declined card.
      error_on_requires_action: true,
    };
  }

  #answerOf({
    id,
    status,
    customer,
    payment_method: method,
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
      ...(customer && method ? { saved: `${idOf(customer)}:${idOf(method)}` } : {}),
    };
  }
}

/** A card that Stripe keeps for a customer of its own, as an earlier answer named it. */
function savedMethod(saved: string): Method {
  const [customer = '', method = ''] = saved.split(':');
  return { customer, payment_method: method, off_session: true };
}

function idOf(value: string | { readonly id: string }): string {
  return typeof value === 'string' ? value : value.id;
}

/** A token from Stripe's card form, or a payment method by its id. */
function methodOf(token: string): Method {
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
