import { setting } from '../../platform/config.ts';
import { deadline, defineService, on } from '../../platform/service.ts';
import { orderExpired, orderPlaced } from '../../events/order.ts';
import { paymentAuthorized, paymentDeclined } from '../../events/payment.ts';
import { shipmentCancelled, shipmentDispatched } from '../../events/shipment.ts';
import {
  stockExpired,
  stockLevelChanged,
  stockRejected,
  stockReleased,
  stockReserved,
} from '../../events/stock.ts';
import { listStock, receiveGoods } from './api.ts';
import * as decide from './decide.ts';
import { announce, apply, expire, placed, tellLevel, type Deps, type Emits } from './handle.ts';
import { migrations } from './migrations.ts';
import openingStock from './stock.json' with { type: 'json' };
import { addArticle } from './store.ts';

const settings = {
  RESERVATION_TTL: setting.duration().default(3_600_000).describe('how long unpaid goods stay set aside'),
};

export const inventory = defineService<Emits, typeof settings, Deps>({
  name: 'inventory',
  summary: 'Keeps the stock: sets goods aside for orders, all lines or none, and lets them go again.',
  handles: [
    on(orderPlaced, placed),
    on(orderExpired, apply(decide.orderExpired)),
    on(paymentAuthorized, apply(decide.confirm)),
    on(
      paymentDeclined,
      apply((reservation) => decide.close(reservation, 'payment_declined')),
    ),
    on(
      shipmentCancelled,
      apply((reservation) => decide.close(reservation, 'shipment_cancelled')),
    ),
    on(shipmentDispatched, apply(decide.dispatched)),
  ],
  emits: [stockReserved, stockRejected, stockReleased, stockExpired, stockLevelChanged],
  tasks: [deadline('expire', expire), deadline('announce', tellLevel)],
  routes: [listStock, receiveGoods],
  migrations,
  settings,
  open: async ({ settings: { RESERVATION_TTL: reservationTtl } }) => ({ reservationTtl }),
  async prepare(tx, { now }) {
    const added: { sku: string }[] = [];
    for (const { sku, quantity } of openingStock) {
      if (await addArticle(tx, sku, quantity)) added.push({ sku });
    }
    return { tasks: announce(added, now) };
  },
});
