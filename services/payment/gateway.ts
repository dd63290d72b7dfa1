/**
 * What the shop asks of a payment provider. Every call carries an idempotency key: the same key is the same call,
 * however often it is made. An answer is final; a call without one rejects, and is made again under its key.
 */
export interface Gateway {
  authorize(request: AuthorizeRequest): Promise<AuthorizeAnswer>;
  capture(request: SettleRequest): Promise<CaptureAnswer>;
  void(request: SettleRequest): Promise<VoidAnswer>;
  refund(request: SettleRequest): Promise<RefundAnswer>;
}

export interface GatewayRequest {
  readonly key: string;
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: number;
  readonly currency: string;
}

export interface AuthorizeRequest extends GatewayRequest {
  /** What the customer gave; it may work once only. */
  readonly token: string;
  /** From an earlier answer: asked with instead of the token. */
  readonly saved?: string;
}

export interface SettleRequest extends GatewayRequest {
  /** What the provider calls the authorization. */
  readonly reference: string;
}

export interface Authorization {
  readonly reference: string;
  readonly last4: string;
  readonly expiresAt: string;
  /** What a further authorization for this order is asked with, where the token works once only. */
  readonly saved?: string;
}

export type AuthorizeAnswer =
  | ({ readonly outcome: 'approved' } & Authorization)
  | { readonly outcome: 'declined'; readonly reason: string };

/** `lapsed`: the authorization had ended by itself, so there was nothing left to take or to let go. */
export type CaptureAnswer = { readonly outcome: 'captured' | 'lapsed' };
export type VoidAnswer = { readonly outcome: 'voided' | 'lapsed' };
export type RefundAnswer = { readonly outcome: 'refunded'; readonly reference: string };
