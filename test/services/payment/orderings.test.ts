import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { orderExpired, orderPlaced } from '../../../events/order.ts';
import { shipmentCancelled, shipmentDispatched } from '../../../events/shipment.ts';
import { stockRejected } from '../../../events/stock.ts';
import { payment } from '../../../services/payment/service.ts';
import { numRuns } from '../../support/data.ts';
import { startTestService, type TestService } from '../../support/service.ts';
import { chargesIn } from './charges.ts';

const contracts = {
  placed: orderPlaced,
  rejected: stockRejected,
  expired: orderExpired,
  cancelled: shipmentCancelled,
  dispatched: shipmentDispatched,
} as const;
type Name = keyof typeof contracts;

/** What may be heard of one order, and what must be taken from the customer in the end. */
const STORIES: readonly { readonly heard: readonly Name[]; readonly taken: number }[] = [
  { heard: ['placed', 'dispatched'], taken: orderPlaced.example.total.amount },
  { heard: ['placed', 'rejected'], taken: 0 },
  { heard: ['placed', 'cancelled'], taken: 0 },
  { heard: ['placed', 'expired', 'cancelled'], taken: 0 },
  { heard: ['placed', 'rejected', 'cancelled'], taken: 0 },
  // Shipping never says both; whoever does must not keep the customer's money.
  { heard: ['placed', 'dispatched', 'cancelled'], taken: 0 },
];

interface Delivery {
  readonly name: Name;
  /** Deliver the very event, or the same fact as an event of its own. */
  readonly fresh: boolean;
  /** Let the gateway answer before the next delivery. */
  readonly settle: boolean;
}

/** Every fact at least once, in any order, some of them again. */
function deliveriesOf(heard: readonly Name[]): fc.Arbitrary<Delivery[]> {
  const again = fc.array(fc.constantFrom(...heard), { maxLength: 4 });
  return again
    .chain((more) => fc.shuffledSubarray([...heard, ...more], { minLength: heard.length + more.length }))
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc.record({ name: fc.constant(name), fresh: fc.boolean(), settle: fc.boolean() }),
        ),
      ),
    );
}

describe('the facts about an order, in any order and any number', () => {
  let shop: TestService;
  let orders = 0;
  beforeAll(async () => {
    shop = await startTestService(payment);
  });
  afterAll(() => shop.close());

  it.each(STORIES)('$heard take $taken in the end', async ({ heard, taken }) => {
    await fc.assert(
      fc.asyncProperty(deliveriesOf(heard), async (deliveries) => {
        const orderId = `TW-ORDERING${(orders += 1)}`;
        await deliverAll(orderId, deliveries);
        await shop.settle();
        await expectBooks(orderId, taken);
      }),
      { numRuns: numRuns(20) },
    );
  });

  async function deliverAll(orderId: string, deliveries: readonly Delivery[]): Promise<void> {
    for (const [index, { name, fresh, settle }] of deliveries.entries()) {
      const id = fresh ? `${orderId}-${name}-${index}` : `${orderId}-${name}`;
      const contract = contracts[name];
      const answer = await shop.deliver(contract, { ...contract.example, orderId }, { id });
      expect(answer).toBe(204);
      if (settle) await shop.settle();
    }
  }

  async function expectBooks(orderId: string, taken: number): Promise<void> {
    const { body } = await shop.call('GET', `/api/payments/${orderId}`, { staff: true });
    const { authorized, captured, voided, lapsed, refunded, entries } = body;
    expect(captured - refunded).toBe(taken);
    expect(authorized).toBe(captured + voided + lapsed);
    const charges = (await chargesIn(shop.data)).filter((charge) => charge.order_id === orderId);
    expect(charges.length).toBeLessThanOrEqual(1);
    for (const charge of charges) expect(charge).toMatchObject({ captured, voided, refunded });
    const told = shop.sink.events.filter((event) => event.subject === orderId).map(({ type }) => type);
    expect(told).toHaveLength(entries.length);
    expect(new Set(told).size).toBe(told.length);
  }
});
