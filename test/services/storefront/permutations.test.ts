import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import * as payment from '../../../events/payment.ts';
import * as shipment from '../../../events/shipment.ts';
import * as stock from '../../../events/stock.ts';
import type { EventContract } from '../../../platform/contract.ts';
import { numRuns } from '../../support/data.ts';
import type { TestService } from '../../support/service.ts';
import { newAddress } from '../../support/customer.ts';
import { place, startStorefront, viewOf, type Purchase } from './shop.ts';

interface Told {
  readonly contract: EventContract;
  readonly data: Readonly<Record<string, unknown>>;
}

const tell = (contract: EventContract, data: Record<string, unknown> = {}): Told => ({ contract, data });
const requested = { reason: 'requested' };
const expired = { reason: 'order_expired' };

/** What other services can tell about one order whose customer moved three times and asked to cancel. */
const stories: Record<string, readonly Told[]> = {
  delivered: [
    tell(payment.paymentAuthorized),
    tell(stock.stockReserved),
    tell(shipment.shipmentReaddressed, { revision: 2, relabelled: false }),
    tell(shipment.shipmentPrepared, { addressRevision: 2 }),
    tell(shipment.shipmentReaddressed, { revision: 3, relabelled: true }),
    tell(shipment.shipmentDispatched, { addressRevision: 3 }),
    tell(shipment.shipmentAddressRefused, { revision: 4 }),
    tell(shipment.shipmentCancellationRefused),
    tell(payment.paymentCaptured),
    tell(shipment.shipmentDelivered),
  ],
  cancelled: [
    tell(payment.paymentAuthorized),
    tell(stock.stockReserved),
    tell(shipment.shipmentPrepared, { addressRevision: 1 }),
    tell(shipment.shipmentReaddressed, { revision: 4, relabelled: true }),
    tell(shipment.shipmentCancelled, requested),
    tell(payment.paymentVoided),
    tell(stock.stockReleased),
  ],
  'cancelled because its money is not held any more': [
    tell(payment.paymentAuthorized),
    tell(stock.stockReserved),
    tell(shipment.shipmentPrepared, { addressRevision: 1 }),
    tell(shipment.shipmentCancelled, { reason: 'payment_lapsed' }),
    tell(payment.paymentVoided),
    tell(stock.stockReleased),
  ],
  'out of stock': [tell(payment.paymentAuthorized), tell(stock.stockRejected), tell(payment.paymentVoided)],
  'out of stock before the payment was tried': [tell(stock.stockRejected)],
  declined: [tell(stock.stockReserved), tell(payment.paymentDeclined), tell(stock.stockReleased)],
  'cancelled before the payment was tried': [
    tell(stock.stockReserved),
    tell(shipment.shipmentCancelled, requested),
    tell(stock.stockReleased),
  ],
  'expired with nothing done': [tell(shipment.shipmentCancelled, expired)],
  'expired and refunded': [
    tell(payment.paymentAuthorized),
    tell(shipment.shipmentAddressRefused, { revision: 2, reason: 'other_fee_zone' }),
    tell(shipment.shipmentCancelled, expired),
    tell(payment.paymentCaptured),
    tell(payment.paymentRefunded),
  ],
};

interface Delivery {
  readonly index: number;
  /** Deliveries with the same number are the same event; others tell the same under a new id. */
  readonly copy: number;
}

/** Every event at least once and some again, under the same id or a new one, in any order. */
function deliveries(count: number): fc.Arbitrary<Delivery[]> {
  const again = fc.array(fc.record({ index: fc.nat(count - 1), copy: fc.nat(1) }), { maxLength: count });
  return again.chain((more) => {
    const all = [...Array.from({ length: count }, (_, index) => ({ index, copy: 0 })), ...more];
    return fc.shuffledSubarray(all, { minLength: all.length });
  });
}

describe('an order', () => {
  let shop: TestService;
  beforeAll(async () => {
    shop = await startStorefront();
  });
  afterAll(() => shop.close());

  it.each(Object.entries(stories))(
    'that is %s looks the same in whatever order it is told',
    async (_, story) => {
      const inOrder = await told(
        story,
        story.map((_event, index) => ({ index, copy: 0 })),
      );
      expect(inOrder).not.toMatchObject({ payment: { status: 'pending' } });
      await fc.assert(
        fc.asyncProperty(deliveries(story.length), async (order) => {
          expect(await told(story, order)).toEqual(inOrder);
        }),
        { numRuns: numRuns(30) },
      );
    },
  );

  async function told(story: readonly Told[], order: readonly Delivery[]): Promise<unknown> {
    const purchase = await placeAndAsk();
    for (const { index, copy } of order) {
      const { contract, data } = story[index] ?? tell(payment.paymentCaptured);
      const about = { ...contract.example, ...purchase.ids, ...data };
      const id = `${purchase.id}-${index}-${copy}`;
      expect(await shop.deliver(contract, about, { id })).toBe(204);
    }
    return stripped(await viewOf(shop, purchase));
  }

  async function placeAndAsk(): Promise<Purchase> {
    const purchase = await place(shop);
    const headers = { cookie: purchase.cookie };
    for (const line1 of ['Deichweg 3', 'Deichweg 4', 'Deichweg 5']) {
      await shop.call('PUT', '/api/me/shipping-address', { body: { ...newAddress, line1 }, headers });
    }
    await shop.call('POST', `/api/orders/${purchase.id}/cancellation`, { headers });
    return purchase;
  }
});

/** Without what differs from order to order. */
function stripped(view: Record<string, unknown>): unknown {
  const requests = view['requests'] as Record<string, unknown>[];
  return {
    ...view,
    id: 'any',
    placedAt: 'any',
    requests: requests.map((request) => ({ ...request, requestedAt: 'any' })),
  };
}
