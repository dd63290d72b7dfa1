import type { DataOf, Fact } from '../../platform/contract.ts';
import type {
  shipmentAddressRefused,
  shipmentCancellationRefused,
  shipmentCancelled,
  shipmentDelivered,
  shipmentDispatched,
  shipmentPrepared,
  shipmentReaddressed,
} from '../../events/shipment.ts';
import type { Address } from '../../events/shapes.ts';

export type Emits =
  | typeof shipmentPrepared
  | typeof shipmentReaddressed
  | typeof shipmentAddressRefused
  | typeof shipmentDispatched
  | typeof shipmentDelivered
  | typeof shipmentCancelled
  | typeof shipmentCancellationRefused;

/** Everything heard about one order's parcel. What follows from it is derived, so that no order of arrival matters. */
export interface Shipment {
  readonly orderId: string;
  readonly customerId: string;
  readonly version: number;
  /** When the first word of it came. */
  readonly heardAt: string;
  readonly lines?: readonly Line[];
  /** Where it goes now. */
  readonly destination?: Destination;
  /** Fee zone that was paid for. */
  readonly paidZone?: string;
  readonly authorized: boolean;
  readonly reserved: boolean;
  readonly label?: Label;
  /** Revisions of address changes that were refused, each of them once. */
  readonly refused: readonly number[];
  /** A request to cancel came too late, and was told so. */
  readonly cancellationRefused?: true;
  readonly dispatchedAt?: string;
  readonly deliveredAt?: string;
  /** Why it must not leave, by shipping's own decision. */
  readonly cancelled?: CancelReason;
  readonly cancelledAt?: string;
  /** Why it never comes to a parcel, by payment's or inventory's word. */
  readonly closed?: 'payment_declined' | 'out_of_stock';
}

export type CancelReason = DataOf<typeof shipmentCancelled>['reason'];

export interface Line {
  readonly sku: string;
  readonly name: string;
  readonly quantity: number;
}

/** A full address under its revision: the higher one wins. */
export interface Destination {
  readonly revision: number;
  readonly zone: string;
  readonly address: Address;
}

export interface Label {
  readonly trackingNumber: string;
  readonly preparedAt: string;
}

export const STATES = ['waiting', 'prepared', 'dispatched', 'delivered', 'cancelled', 'closed'] as const;
export type State = (typeof STATES)[number];

export interface Decision {
  readonly shipment: Shipment;
  readonly emit?: readonly Fact<Emits>[];
  /** The label for the present destination is to be made. */
  readonly labelled?: boolean;
  readonly ignored?: string;
}

export function stateOf(shipment: Shipment): State {
  if (shipment.deliveredAt !== undefined) return 'delivered';
  if (shipment.dispatchedAt !== undefined) return 'dispatched';
  if (shipment.cancelled !== undefined) return 'cancelled';
  if (shipment.closed !== undefined) return 'closed';
  return shipment.label === undefined ? 'waiting' : 'prepared';
}
