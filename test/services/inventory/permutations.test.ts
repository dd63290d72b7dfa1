import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { EventContract } from '../../../platform/contract.ts';
import { orderExpired, orderPlaced } from '../../../events/order.ts';
import { paymentAuthorized, paymentDeclined } from '../../../events/payment.ts';
import { shipmentCancelled, shipmentDispatched } from '../../../events/shipment.ts';
import { numRuns } from '../../support/data.ts';
import type { TestService } from '../../support/service.ts';
import { idsOf, orderOf, startInventory } from './stock.ts';

type Told = readonly [contract: EventContract, data: Record<string, unknown>];

/** The stories that one order can have, and what each leaves of 1000 pieces. */
const stories: Record<string, { after: readonly EventContract[]; onHand: number }> = {
  delivered: { after: [paymentAuthorized, shipmentDispatched], onHand: 997 },
  declined: { after: [paymentDeclined], onHand: 1000 },
  cancelled: { after: [paymentAuthorized, shipmentCancelled], onHand: 1000 },
  'expired unpaid': { after: [orderExpired, shipmentCancelled], onHand: 1000 },
  'expired while it was paid': { after: [paymentAuthorized, orderExpired, shipmentCancelled], onHand: 1000 },
};

function eventsOf(orderId: string, after: readonly EventContract[]): Told[] {
  const placed: Told = [
    orderPlaced,
    orderOf(orderId, [
      ['rope', 2],
      ['rope', 1],
    ]),
  ];
  return [placed, ...after.map((contract): Told => [contract, { ...contract.example, ...idsOf(orderId) }])];
}

/** Every event at least once and up to three times, under its own id or a new one, in any order. */
function deliveries(events: readonly Told[]) {
  const extra = fc.array(fc.tuple(fc.nat(events.length - 1), fc.boolean()), { maxLength: 2 * events.length });
  return extra.chain((more) => {
    const all = [
      ...events.map((_, index) => ({ index, id: `e${index}` })),
      ...more.map(([index, again], nth) => ({ index, id: again ? `e${index}` : `e${index}-${nth}` })),
    ];
    return fc.shuffledSubarray(all, { minLength: all.length });
  });
}

describe.each(Object.entries(stories))('an order that is %s', (_name, { after, onHand }) => {
  it('leaves the same stock in whatever order and however often its events come', async () => {
    await using service: TestService = await startInventory({ rope: 1000 });
    let runs = 0;
    const template = eventsOf('x', after);
    await fc.assert(
      fc.asyncProperty(deliveries(template), async (sequence) => {
        runs += 1;
        const sku = `rope-${runs}`;
        const orderId = `TW-${runs}`;
        await service.service.store.write((tx) =>
          tx.run('insert into stock (sku, on_hand, reserved, revision) values ($1, 1000, 0, 1)', sku),
        );
        const events = eventsOf(orderId, after).map(([contract, data]): Told =>
          contract === orderPlaced
            ? [
                contract,
                orderOf(orderId, [
                  [sku, 2],
                  [sku, 1],
                ]),
              ]
            : [contract, data],
        );
        for (const { index, id } of sequence) {
          const [contract, data] = events[index] ?? [orderPlaced, {}];
          expect(await service.deliver(contract, data, { id: `${runs}-${id}` })).toBe(204);
        }
        const level = await service.service.store.read.get(
          'select on_hand, reserved from stock where sku = $1',
          sku,
        );
        expect(level).toEqual({ on_hand: onHand, reserved: 0 });
      }),
      { numRuns: numRuns(60) },
    );
    await service.settle();
    const perOrder = new Map<string, number>();
    for (const event of service.sink.events.filter(({ type }) => !type.includes('levelchanged'))) {
      const key = `${event.type} ${event.subject}`;
      perOrder.set(key, (perOrder.get(key) ?? 0) + 1);
    }
    expect([...perOrder.values()].filter((count) => count > 1)).toEqual([]);
  });
});
