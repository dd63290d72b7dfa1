import { shippingAddressUpdated } from '../../events/customer.ts';
import { orderAddressed, orderCancellationRequested, orderExpired, orderPlaced } from '../../events/order.ts';
import { paymentAuthorized, paymentDeclined, paymentRenewalDeclined } from '../../events/payment.ts';
import {
  shipmentAddressRefused,
  shipmentCancellationRefused,
  shipmentCancelled,
  shipmentDelivered,
  shipmentDispatched,
  shipmentPrepared,
  shipmentReaddressed,
} from '../../events/shipment.ts';
import { stockExpired, stockRejected, stockReserved } from '../../events/stock.ts';
import { deadline, defineService, on } from '../../platform/service.ts';
import { deliverShipment, dispatchShipment, getLabel, getShipment, listShipments } from './api.ts';
import { dispatchDue, planDispatches, planning } from './auto-dispatch.ts';
import * as decide from './decide.ts';
import { addressed, addressUpdated, apply, forget, placed, type Deps } from './handle.ts';
import { migrations } from './migrations.ts';
import { settings } from './settings.ts';
import type { Emits } from './shipment.ts';
import { countInState, oldestWaiting } from './store.ts';

export const shipping = defineService<Emits, typeof settings, Deps>({
  name: 'shipping',
  summary: 'Packs, labels and sends off parcels; decides every race with their departure.',
  handles: [
    on(orderPlaced, placed),
    on(orderAddressed, addressed),
    on(shippingAddressUpdated, addressUpdated),
    on(orderCancellationRequested, apply(decide.cancellationRequested)),
    on(orderExpired, apply(decide.orderExpired)),
    on(paymentAuthorized, apply(decide.authorized)),
    on(
      paymentDeclined,
      apply((shipment) => decide.close(shipment, 'payment_declined')),
    ),
    on(paymentRenewalDeclined, apply(decide.paymentLapsed)),
    on(stockReserved, apply(decide.reserved)),
    on(
      stockRejected,
      apply((shipment) => decide.close(shipment, 'out_of_stock')),
    ),
    on(stockExpired, apply(decide.reservationExpired)),
  ],
  emits: [
    shipmentPrepared,
    shipmentReaddressed,
    shipmentAddressRefused,
    shipmentDispatched,
    shipmentDelivered,
    shipmentCancelled,
    shipmentCancellationRefused,
  ],
  tasks: [deadline('dispatch', dispatchDue), deadline('plan', planDispatches), forget],
  routes: [listShipments, getShipment, dispatchShipment, deliverShipment, getLabel],
  migrations,
  settings,
  open: async ({ settings: values }) => ({
    autoDispatch: values.AUTO_DISPATCH === 'off' ? undefined : values.AUTO_DISPATCH,
    keepChanges: values.ADDRESS_CHANGE_RETENTION,
    sender: values.SENDER,
  }),
  prepare: async (_tx, { now, deps: { autoDispatch } }) => ({
    tasks: autoDispatch === undefined ? [] : [planning(now)],
  }),
  gauges: {
    tradewind_shipments_prepared: {
      help: 'Parcels that are ready and wait to leave.',
      read: (reader) => countInState(reader, 'prepared'),
    },
    tradewind_shipments_waiting: {
      help: 'Parcels that are not ready: something they need was not heard of yet.',
      read: (reader) => countInState(reader, 'waiting'),
    },
    tradewind_shipments_waiting_oldest_seconds: {
      help: 'Age of the oldest parcel that is not ready.',
      async read(reader) {
        const oldest = await oldestWaiting(reader);
        return oldest === null ? 0 : Math.max(0, (Date.now() - Date.parse(oldest)) / 1000);
      },
    },
  },
});
