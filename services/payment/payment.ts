import type { Fact } from '../../platform/contract.ts';
import type {
  paymentAuthorized,
  paymentCaptured,
  paymentCaptureFailed,
  paymentDeclined,
  paymentRefunded,
  paymentVoided,
} from '../../events/payment.ts';
import type { Authorization } from './gateway.ts';

export type Emits =
  | typeof paymentAuthorized
  | typeof paymentDeclined
  | typeof paymentCaptured
  | typeof paymentVoided
  | typeof paymentRefunded
  | typeof paymentCaptureFailed;

/** Everything heard about an order's money, and what the gateway has answered. */
export interface Payment {
  readonly orderId: string;
  readonly customerId: string;
  readonly version: number;
  readonly order?: Order;
  /** The parcel has left. */
  readonly dispatched: boolean;
  /** Why the order is over. A payment closed before it was tried is a tombstone: it is never tried. */
  readonly closed?: string;
  /** The one call to the gateway that is under way; the next begins when it is answered. */
  readonly step?: Step;
  /** Authorizations asked for so far. */
  readonly rounds: number;
  /** Authorizations that had lapsed when they were needed. */
  readonly lapses: number;
  /** The authorization in force. */
  readonly hold?: Hold;
  /** The authorization that a renewal replaced, still to be let go. */
  readonly superseded?: Hold;
  readonly outcome?: 'declined' | 'captured' | 'capture_failed' | 'voided' | 'refunded';
  readonly reason?: string;
}

export interface Order {
  readonly amount: number;
  readonly currency: string;
  /** Kept only while a further authorization may be needed. */
  readonly token?: string;
}

export interface Hold extends Authorization {
  readonly round: number;
}

export interface Step {
  readonly kind: 'authorize' | 'capture' | 'void' | 'refund';
  /** Follows from the order and the step alone: the gateway never sees two keys for one intention. */
  readonly key: string;
}

/** A line for the ledger. */
export interface Entry {
  readonly kind: 'authorized' | 'captured' | 'voided' | 'lapsed' | 'refunded';
  readonly round: number;
  readonly amount: number;
  readonly currency: string;
  readonly reference: string;
  readonly key: string;
}

export interface Decision {
  readonly payment: Payment;
  /** A call to the gateway to be made now. */
  readonly begun?: Step;
  readonly entries?: readonly Entry[];
  readonly emit?: readonly Fact<Emits>[];
  readonly ignored?: string;
}
