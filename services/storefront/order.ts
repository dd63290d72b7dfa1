import type { DataOf, Fact } from '../../platform/contract.ts';
import type { contactUpdated, shippingAddressUpdated } from '../../events/customer.ts';
import type {
  orderAddressed,
  orderCancellationRequested,
  orderExpired,
  orderPlaced,
} from '../../events/order.ts';
import type { shipmentCancelled } from '../../events/shipment.ts';

export type Emits =
  | typeof orderPlaced
  | typeof orderAddressed
  | typeof orderCancellationRequested
  | typeof orderExpired
  | typeof shippingAddressUpdated
  | typeof contactUpdated;

export interface OrderLine {
  readonly sku: string;
  readonly name: string;
  readonly quantity: number;
  readonly unitPrice: number;
}

/** One order: what was agreed, and every fact heard about it since. What it all means is derived. */
export interface Order {
  readonly orderId: string;
  readonly customerId: string;
  readonly version: number;
  readonly placedAt: string;
  readonly confirmBy: string;
  readonly lines: readonly OrderLine[];
  readonly currency: string;
  readonly shippingFee: number;
  readonly total: number;
  /** Of the address it was placed with. */
  readonly addressRevision: number;
  /** The deadline passed, and shipping was asked whether the order still lives. */
  readonly overdue?: true;
  readonly payment: PaymentFacts;
  readonly stock: StockFacts;
  readonly shipment: ShipmentFacts;
  readonly requests: readonly ChangeRequest[];
}

export interface PaymentFacts {
  readonly authorized?: { readonly last4: string };
  readonly declined?: { readonly reason: string };
  readonly captured?: true;
  readonly voided?: { readonly reason: string };
  readonly refunded?: { readonly reason: string };
  readonly captureFailed?: { readonly reason: string };
}

export interface StockFacts {
  readonly reserved?: true;
  readonly rejected?: { readonly skus: readonly string[] };
  readonly released?: { readonly reason: string };
}

export interface ShipmentFacts {
  readonly id?: string;
  readonly prepared?: Labelled;
  readonly dispatched?: Labelled & { readonly at: string };
  readonly delivered?: { readonly at: string };
  readonly cancelled?: { readonly reason: DataOf<typeof shipmentCancelled>['reason'] };
  readonly cancellationRefused?: { readonly reason: string };
  /** Revisions of addresses that it took over. */
  readonly readdressed: readonly number[];
  readonly addressRefused: readonly { readonly revision: number; readonly reason: string }[];
}

interface Labelled {
  readonly trackingNumber: string;
  readonly addressRevision: number;
}

/** Something the customer asked for; shipping answers it. */
export type ChangeRequest =
  | { readonly kind: 'address'; readonly revision: number; readonly requestedAt: string }
  | { readonly kind: 'cancellation'; readonly requestedAt: string };

export type Status = 'placed' | 'confirmed' | 'shipped' | 'delivered' | 'rejected' | 'cancelled' | 'expired';

/** What a rule says: the order as it is now, or why nothing changes. */
export type Decision =
  | {
      readonly order: Order;
      /** A line for its timeline, where there is something to tell. */
      readonly text?: string;
      readonly emit?: readonly Fact<Emits>[];
      readonly ignored?: undefined;
    }
  | { readonly ignored: string };
