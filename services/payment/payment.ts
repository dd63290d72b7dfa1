import type { Fact } from '../../platform/contract.ts';
import type {
  paymentAuthorized,
  paymentCaptured,
  paymentCaptureFailed,
  paymentDeclined,
  paymentRefunded,
  paymentRenewalDeclined,
  paymentVoided,
} from '../../events/payment.ts';
import type { Authorization } from './gateway.ts';

export type Emits =
  | typeof paymentAuthorized
  | typeof paymentDeclined
  | typeof paymentCaptured
  | typeof paymentVoided
  | typeof paymentRefunded
  | typeof paymentCaptureFailed
  | typeof paymentRenewalDeclined;

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
  /** What the provider wants for a further authorization, where the token works once. */
  readonly saved?: string;
}

export interface Hold extends Omit<Authorization, 'saved'> {
  readonly round: number;
  /** The provider has declined to renew it once. */
  readonly renewalDeclined?: true;
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
  /** The hold is to be renewed once more, shortly before it ends. */
  readonly renewLate?: true;
  readonly entries?: readonly Entry[];
  readonly emit?: readonly Fact<Emits>[];
  readonly ignored?: string;
}
