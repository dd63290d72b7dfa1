import { Stripe } from 'stripe';

/** Refusals that name the card or the amount: final, and nothing was held. Any other error says nothing of the kind. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['token_already_used', 'invalid_token'],
  ['payment_method_unexpected_state', 'invalid_token'],
  ['amount_too_small', 'amount_too_small'],
  ['amount_too_large', 'amount_too_large'],
]);

const MAX_REASON = 64;

/** Why Stripe declined an authorization; nothing when the error leaves open what became of it. */
export function declineOf(error: unknown): string | undefined {
  if (error instanceof Stripe.errors.StripeCardError) {
    return (error.decline_code || error.code || 'card_declined').slice(0, MAX_REASON);
  }
  if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) return undefined;
  if (error.code === 'resource_missing' && isOfCard(error.param)) return 'invalid_token';
  return REFUSALS.get(error.code ?? '');
}

/** The state of the PaymentIntent that did not allow what was asked. */
export function intentStatusOf(error: unknown): string | undefined {
  if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) return undefined;
  return error.payment_intent?.status;
}

/** The card's bank had ended the authorization before Stripe did. */
export function isExpired(error: unknown): boolean {
  return (
    hasCode(error, 'charge_expired_for_capture') || hasCode(error, 'capture_charge_authorization_expired')
  );
}

export function isRefundedAlready(error: unknown): boolean {
  return hasCode(error, 'charge_already_refunded');
}

/** The error as it may be logged: Stripe's own messages quote tokens. */
export function withoutDetails(error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  const { type, code, statusCode, requestId } = error;
  const details = [code, statusCode, requestId].filter((detail) => detail !== undefined);
  return new Error(`stripe: ${[type, ...details].join(' ')}`);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.code === code;
}

function isOfCard(param: string | undefined): boolean {
  return param !== undefined && /^payment_method|^card|^token|^source/.test(param);
}
