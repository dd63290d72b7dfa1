import { orderExpired, orderPlaced } from '../../events/order.ts';
import {
  paymentAuthorized,
  paymentCaptured,
  paymentCaptureFailed,
  paymentDeclined,
  paymentRefunded,
  paymentRenewalDeclined,
  paymentVoided,
} from '../../events/payment.ts';
import { shipmentCancelled, shipmentDispatched } from '../../events/shipment.ts';
import { stockRejected } from '../../events/stock.ts';
import { deadline, defineService, on, task } from '../../platform/service.ts';
import { getPayment } from './api.ts';
import * as decide from './decide.ts';
import type { AuthorizeRequest, SettleRequest } from './gateway.ts';
import { apply, placed, renew, settle, type Deps } from './handle.ts';
import { migrations } from './migrations.ts';
import { open } from './open.ts';
import type { Emits } from './payment.ts';
import { settings } from './settings.ts';
import { countUnsettled } from './store.ts';

export const payment = defineService<Emits, typeof settings, Deps>({
  name: 'payment',
  summary:
    'Holds the money when an order is placed, takes it when the parcel leaves, and lets it go otherwise.',
  handles: [
    on(orderPlaced, placed),
    on(orderExpired, apply(decide.orderExpired)),
    on(
      stockRejected,
      apply((held) => decide.close(held, 'out_of_stock')),
    ),
    on(
      shipmentCancelled,
      apply((held) => decide.close(held, 'shipment_cancelled')),
    ),
    on(shipmentDispatched, apply(decide.dispatched)),
  ],
  emits: [
    paymentAuthorized,
    paymentDeclined,
    paymentCaptured,
    paymentVoided,
    paymentRefunded,
    paymentCaptureFailed,
    paymentRenewalDeclined,
  ],
  tasks: [
    task(
      'authorize',
      (request: AuthorizeRequest, { deps }) => deps.gateway.authorize(request),
      settle(decide.authorizeAnswered),
    ),
    task(
      'capture',
      (request: SettleRequest, { deps }) => deps.gateway.capture(request),
      settle(decide.captureAnswered),
    ),
    task(
      'void',
      (request: SettleRequest, { deps }) => deps.gateway.void(request),
      settle(decide.voidAnswered),
    ),
    task(
      'refund',
      (request: SettleRequest, { deps }) => deps.gateway.refund(request),
      settle(decide.refundAnswered),
    ),
    deadline('renew', renew),
  ],
  routes: [getPayment],
  migrations,
  settings,
  open,
  gauges: {
    tradewind_payments_authorized: {
      help: 'Payments held that wait for their parcel to leave.',
      read: (reader) => countUnsettled(reader, 'authorized'),
    },
    tradewind_payments_capture_failed: {
      help: 'Parcels that left unpaid: a person has to look.',
      read: (reader) => countUnsettled(reader, 'capture_failed'),
    },
  },
});
