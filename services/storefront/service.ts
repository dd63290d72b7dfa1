import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { contactUpdated, shippingAddressUpdated } from '../../events/customer.ts';
import { orderAddressed, orderCancellationRequested, orderExpired, orderPlaced } from '../../events/order.ts';
import * as payment from '../../events/payment.ts';
import * as shipment from '../../events/shipment.ts';
import * as stock from '../../events/stock.ts';
import { ConfigError, setting } from '../../platform/config.ts';
import { LiveStreams } from '../../platform/http/live.ts';
import type { Log } from '../../platform/log.ts';
import { deadline, defineService, on } from '../../platform/service.ts';
import type { Store } from '../../platform/store/store.ts';
import { changeShippingAddress } from './api/customer.ts';
import { cancelOrder, listOrders, placeOrder, showOrder } from './api/orders.ts';
import { listProducts, showProduct } from './api/products.ts';
import { showTimeline } from './api/timeline.ts';
import { readCatalogue } from './catalogue.ts';
import * as decide from './decide.ts';
import { hear, orderDeadline, type Deps } from './handle.ts';
import { migrations } from './migrations.ts';
import type { Emits } from './order.ts';
import { pruneAddresses, pruneKeys } from './prune.ts';
import * as requests from './requests.ts';
import { createSessions, SESSION_COOKIE } from './session.ts';
import { levelChanged } from './stock.ts';
import { countUnfinished, oldestUnconfirmed } from './store.ts';

const settings = {
  SESSION_SECRET: setting
    .secret(32)
    .optional()
    .describe(
      'key that signs the session cookies, the same for all replicas; without it, which SQLite alone allows, sessions end with the process',
    ),
  PUBLIC_URL: setting.url().optional().describe('where customers reach the shop; https makes cookies Secure'),
  COOKIE_SECURE: z
    .enum(['true', 'false'])
    .optional()
    .describe('whether cookies are Secure, instead of what PUBLIC_URL tells'),
  ORDER_DEADLINE: setting.duration().default(900_000).describe('how long an order may take to be confirmed'),
  TIMELINE_STREAMS: setting.integer(1, 100_000).default(1000).describe('live timelines open at once'),
  TIMELINE_POLL: setting.duration().default(2000).describe('how often a timeline looks for news by itself'),
  TIMELINE_HEARTBEAT: setting.duration().default(15_000).describe('longest silence of a live timeline'),
};

/** More than anybody's open pages. */
const STREAMS_PER_CUSTOMER = 10;

export const storefront = defineService<Emits, typeof settings, Deps>({
  name: 'storefront',
  summary: 'Where customers shop: takes orders, tells how they fare, passes on what customers ask for.',
  handles: [
    on(payment.paymentAuthorized, hear('payment.authorized', decide.authorized)),
    on(payment.paymentDeclined, hear('payment.declined', decide.declined)),
    on(payment.paymentCaptured, hear('payment.captured', decide.captured)),
    on(payment.paymentCaptureFailed, hear('payment.capturefailed', decide.captureFailed)),
    on(payment.paymentVoided, hear('payment.voided', decide.voided)),
    on(payment.paymentRefunded, hear('payment.refunded', decide.refunded)),
    on(stock.stockReserved, hear('stock.reserved', decide.stockReserved)),
    on(stock.stockRejected, hear('stock.rejected', decide.stockRejected)),
    on(stock.stockReleased, hear('stock.released', decide.stockReleased)),
    on(stock.stockLevelChanged, levelChanged),
    on(shipment.shipmentPrepared, hear('shipment.prepared', decide.prepared)),
    on(shipment.shipmentReaddressed, hear('shipment.readdressed', requests.readdressed)),
    on(shipment.shipmentAddressRefused, hear('shipment.addressrefused', requests.addressRefused)),
    on(shipment.shipmentDispatched, hear('shipment.dispatched', decide.dispatched)),
    on(shipment.shipmentDelivered, hear('shipment.delivered', decide.delivered)),
    on(shipment.shipmentCancelled, hear('shipment.cancelled', decide.cancelled)),
    on(
      shipment.shipmentCancellationRefused,
      hear('shipment.cancellationrefused', decide.cancellationRefused),
    ),
  ],
  emits: [
    orderPlaced,
    orderAddressed,
    orderCancellationRequested,
    orderExpired,
    shippingAddressUpdated,
    contactUpdated,
  ],
  tasks: [deadline('expire', orderDeadline), pruneKeys, pruneAddresses],
  routes: [
    listProducts,
    showProduct,
    placeOrder,
    listOrders,
    showOrder,
    showTimeline,
    cancelOrder,
    changeShippingAddress,
  ],
  customerAuth: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
  migrations,
  settings,
  open: async ({ settings: own, store, log, closing }) => ({
    catalogue: readCatalogue(),
    sessions: createSessions(
      secretOf(own.SESSION_SECRET, store, log),
      isSecure(own.PUBLIC_URL, own.COOKIE_SECURE),
    ),
    live: new LiveStreams({
      max: own.TIMELINE_STREAMS,
      maxPerOwner: STREAMS_PER_CUSTOMER,
      poll: own.TIMELINE_POLL,
      heartbeat: own.TIMELINE_HEARTBEAT,
      closing,
    }),
    orderDeadline: own.ORDER_DEADLINE,
  }),
  gauges: {
    tradewind_orders_unfinished: {
      help: 'Orders that are placed or confirmed and have not left yet.',
      read: countUnfinished,
    },
    tradewind_orders_unconfirmed_oldest_seconds: {
      help: 'Age of the oldest order that is not confirmed yet.',
      async read(reader) {
        const oldest = await oldestUnconfirmed(reader);
        return oldest === null ? 0 : Math.max(0, (Date.now() - Date.parse(oldest)) / 1000);
      },
    },
  },
});

/** A secret for this process alone will do to try things; customers would be strangers after a restart. */
function secretOf(secret: string | undefined, { dialect }: Store, log: Log): string {
  if (secret !== undefined) return secret;
  if (dialect.engine === 'postgres') {
    throw new ConfigError(
      'configuration: SESSION_SECRET: must be set, to the same for all replicas, where DATABASE_URL is',
    );
  }
  log.warn('SESSION_SECRET is not set: sessions end with this process');
  return randomBytes(32).toString('base64url');
}

function isSecure(publicUrl: string | undefined, choice: 'true' | 'false' | undefined): boolean {
  if (choice !== undefined) return choice === 'true';
  return publicUrl !== undefined && new URL(publicUrl).protocol === 'https:';
}
