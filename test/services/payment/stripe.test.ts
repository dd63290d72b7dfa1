import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../../events/order.ts';
import { shipmentDispatched } from '../../../events/shipment.ts';
import { payment } from '../../../services/payment/service.ts';
import { StripeGateway } from '../../../services/payment/stripe.ts';
import { startTestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';
import { AMOUNT, authorizeRequest, describeGateway, settleRequest } from './gateway-contract.ts';
import { openStripeStandIn, STRIPE_KEY, type StripeStandIn, type Trouble } from './stripe-stand-in.ts';

/** Longer than a machine that does much else takes for an answer: where one never comes, the test waits so long. */
const TIMEOUT_MS = 2000;

function gatewayTo(standIn: StripeStandIn, closing: AbortSignal, apiKey = STRIPE_KEY): StripeGateway {
  return new StripeGateway({
    apiKey,
    baseUrl: standIn.url,
    timeoutMs: TIMEOUT_MS,
    closing,
    now: () => new Date(),
  });
}

function booksOf(standIn: StripeStandIn) {
  const sums = { held: 0, captured: 0, voided: 0, refunded: 0 };
  for (const { amount, amount_received: received, status, refunded } of standIn.intents.values()) {
    sums.held += amount;
    sums.captured += received;
    sums.voided += status === 'canceled' ? amount : 0;
    sums.refunded += refunded;
  }
  return sums;
}

describeGateway('Stripe', async () => {
  const standIn = await openStripeStandIn();
  const closing = new AbortController();
  return {
    gateway: gatewayTo(standIn, closing.signal),
    tokens: {
      good: 'tok_visa',
      declined: 'tok_chargeDeclined',
      insufficient: 'tok_chargeDeclinedInsufficientFunds',
    },
    declinedReason: 'generic_decline',
    books: async () => booksOf(standIn),
    lapse: async (reference) => {
      const intent = standIn.intents.get(reference);
      if (intent) intent.status = 'canceled';
    },
    async close() {
      closing.abort();
      await standIn.close();
    },
  };
});

describe('Stripe', () => {
  let standIn: StripeStandIn;
  let closing: AbortController;
  let gateway: StripeGateway;
  beforeEach(async () => {
    standIn = await openStripeStandIn();
    closing = new AbortController();
    gateway = gatewayTo(standIn, closing.signal);
  });
  afterEach(async () => {
    closing.abort();
    await standIn.close();
  });

  it('is asked for an intent that is confirmed at once and captured by hand', async () => {
    const answer = await gateway.authorize(authorizeRequest('PAY-1:authorize:1', 'tok_visa'));
    expect(answer).toMatchObject({ last4: '4242', expiresAt: '2026-12-01T00:00:00.000Z' });
    expect(standIn.calls).toMatchObject([
      {
        path: '/v1/customers',
        key: 'PAY-1:authorize:1:customer',
        form: { 'metadata[customer_id]': 'cus-1' },
      },
      {
        path: '/v1/payment_intents',
        key: 'PAY-1:authorize:1',
        form: {
          amount: String(AMOUNT),
          currency: 'eur',
          capture_method: 'manual',
          confirm: 'true',
          error_on_requires_action: 'true',
          customer: expect.stringMatching(/^cus_/),
          setup_future_usage: 'off_session',
          'payment_method_data[type]': 'card',
          'payment_method_data[card][token]': 'tok_visa',
          'metadata[order_id]': 'TW-1',
        },
      },
    ]);
  });

  it('takes a payment method by its id', async () => {
    expect(await gateway.authorize(authorizeRequest('a', 'pm_card_visa'))).toMatchObject({
      outcome: 'approved',
    });
    expect(standIn.calls[1]?.form).toMatchObject({ payment_method: 'pm_card_visa' });
  });

  it('declines a card that wants its owner at the screen', async () => {
    expect(await gateway.authorize(authorizeRequest('a', 'tok_threeDSecureRequired'))).toEqual({
      outcome: 'declined',
      reason: 'authentication_required',
    });
  });

  it.each<[Trouble, number]>([
    ['hang_after_work', 1],
    ['cut_after_work', 1],
    ['error_500', 0],
    ['rate_limit', 0],
    ['key_in_use', 0],
  ])('leaves the outcome open on %s, and tells it to the same key later', async (trouble, intents) => {
    standIn.troubles.push(trouble);
    const request = authorizeRequest('a', 'tok_visa');
    await expect(gateway.authorize(request)).rejects.toThrow();
    expect(standIn.calls).toHaveLength(2);
    expect(standIn.intents.size).toBe(intents);
    expect(await gateway.authorize(request)).toMatchObject({ outcome: 'approved' });
    expect(standIn.intents.size).toBe(1);
  });

  it('takes an intent that has succeeded for captured, when Stripe has forgotten the key', async () => {
    const answer = await gateway.authorize(authorizeRequest('a', 'tok_visa'));
    const reference = answer.outcome === 'approved' ? answer.reference : '';
    await gateway.capture(settleRequest('c', reference));
    expect(await gateway.capture(settleRequest('as if forgotten', reference))).toEqual({
      outcome: 'captured',
    });
    expect(booksOf(standIn).captured).toBe(AMOUNT);
  });

  it('does not take a wrong API key for a declined card, nor tells a token', async () => {
    const wrong = gatewayTo(standIn, closing.signal, 'sk_test_wrong_key');
    const error = await wrong.authorize(authorizeRequest('a', 'tok_visa')).catch(String);
    expect(error).toMatch(/StripeAuthenticationError.* 401/);
    expect(error).not.toMatch(/tok_|sk_/);
  });

  it('ends its calls when the service shuts down', async () => {
    const patient = new StripeGateway({
      apiKey: STRIPE_KEY,
      baseUrl: standIn.url,
      timeoutMs: 600_000,
      closing: closing.signal,
      now: () => new Date(),
    });
    standIn.troubles.push('hang_after_work');
    const call = patient.authorize(authorizeRequest('a', 'tok_visa'));
    await until('the call has arrived', () => standIn.calls.length === 2);
    closing.abort();
    await expect(call).rejects.toThrow();
  });

  it('serves the whole way of an order, with a lost answer at each step', async () => {
    await using shop = await startTestService(payment, {
      PAYMENT_GATEWAY: 'stripe',
      STRIPE_API_KEY: STRIPE_KEY,
      STRIPE_BASE_URL: standIn.url,
      GATEWAY_TIMEOUT: '100ms',
    });
    standIn.troubles.push('cut_after_work', 'error_500');
    await shop.deliver(orderPlaced, orderPlaced.example);
    await until('it is authorized', () => shop.sink.events.length === 1);
    standIn.troubles.push('hang_after_work', 'rate_limit');
    await shop.deliver(shipmentDispatched, shipmentDispatched.example);
    await until('it is captured', () => shop.sink.events.length === 2);
    expect(booksOf(standIn)).toEqual({ held: AMOUNT, captured: AMOUNT, voided: 0, refunded: 0 });
    expect(new Set(standIn.calls.map(({ key }) => key))).toEqual(
      new Set([
        'PAY-4Q7K2M9XJ3PA:authorize:1:customer',
        'PAY-4Q7K2M9XJ3PA:authorize:1',
        'PAY-4Q7K2M9XJ3PA:capture:1',
      ]),
    );
  });

  it('holds the money a second time on the card that it kept, because a token works once', async () => {
    const first = await gateway.authorize(authorizeRequest('a', 'tok_visa'));
    const saved = first.outcome === 'approved' ? String(first.saved) : '';
    expect(saved).toMatch(/^cus_\w+:pm_\w+$/);
    expect(await gateway.authorize(authorizeRequest('b', 'tok_visa'))).toEqual({
      outcome: 'declined',
      reason: 'invalid_token',
    });
    const again = { ...authorizeRequest('c', 'tok_visa'), saved };
    expect(await gateway.authorize(again)).toMatchObject({ outcome: 'approved', saved });
    expect(standIn.calls.at(-1)?.form).toMatchObject({ off_session: 'true' });
    expect(standIn.calls.at(-1)?.form).not.toHaveProperty('error_on_requires_action');
    expect(booksOf(standIn).held).toBe(2 * AMOUNT);
  });

  it('keeps a card for the order alone: nobody can ask with what an answer to another said', async () => {
    const answer = await gateway.authorize(authorizeRequest('a', 'tok_visa'));
    const saved = answer.outcome === 'approved' ? String(answer.saved) : '';
    expect(await gateway.authorize(authorizeRequest('b', saved))).toMatchObject({ outcome: 'declined' });
  });

  it('serves an order whose authorization had lapsed when its parcel left', async () => {
    await using shop = await startTestService(payment, {
      PAYMENT_GATEWAY: 'stripe',
      STRIPE_API_KEY: STRIPE_KEY,
      STRIPE_BASE_URL: standIn.url,
    });
    await shop.deliver(orderPlaced, orderPlaced.example);
    await until('it is authorized', () => shop.sink.events.length === 1);
    for (const intent of standIn.intents.values()) intent.status = 'canceled';
    await shop.deliver(shipmentDispatched, shipmentDispatched.example);
    await until('it is captured', () => shop.sink.events.length === 2);
    expect(shop.sink.events[1]?.type).toBe('shop.tradewind.payment.captured.v1');
    expect(booksOf(standIn)).toMatchObject({ held: 2 * AMOUNT, captured: AMOUNT });
    const rows = await shop.service.store.read.all('select body from payments');
    expect(JSON.stringify(rows)).not.toMatch(/tok_|pm_/);
  });
});
