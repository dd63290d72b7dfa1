import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { shippingAddressUpdated } from '../../../events/customer.ts';
import { orderAddressed, orderCancellationRequested, orderPlaced } from '../../../events/order.ts';
import { paymentAuthorized } from '../../../events/payment.ts';
import { stockReserved } from '../../../events/stock.ts';
import type { EventContract } from '../../../platform/contract.ts';
import { numRuns } from '../../support/data.ts';
import type { TestService } from '../../support/service.ts';
import { addressOf, startShipping } from './parcels.ts';

type Said = readonly [contract: EventContract, data: Record<string, unknown>];

interface Change {
  readonly revision: number;
  readonly zone: string;
}

const ZONES = ['domestic', 'eu'];
/** Revisions of one customer: the two orders take 1 and 3, the changes the others. */
const REVISIONS = [2, 4, 5, 6];
const changes = fc
  .tuple(
    fc.subarray(REVISIONS, { minLength: 3, maxLength: 3 }),
    fc.array(fc.constantFrom(...ZONES), { minLength: 3, maxLength: 3 }),
  )
  .map(([revisions, zones]): Change[] =>
    revisions.map((revision, index) => ({ revision, zone: zones[index] ?? 'domestic' })),
  );

/** One customer's two orders, three changes of address and one request to cancel the second order, in order. */
function storyOf(customer: string, moves: readonly Change[], cancels: boolean): Said[] {
  const customerId = `cus-${customer}`;
  const order = (orderId: string, revision: number): Said[] => {
    const of = { orderId, customerId };
    return [
      [orderPlaced, { ...orderPlaced.example, ...of }],
      [orderAddressed, { ...of, revision, zone: 'domestic', address: addressOf(revision) }],
      [paymentAuthorized, { ...paymentAuthorized.example, ...of }],
      [stockReserved, { ...stockReserved.example, ...of }],
    ];
  };
  const second = { orderId: `TW-B${customer}`, customerId };
  return [
    ...order(`TW-A${customer}`, 1),
    ...order(second.orderId, 3),
    ...moves.map(({ revision, zone }): Said => [
      shippingAddressUpdated,
      { customerId, revision, zone, address: addressOf(revision) },
    ]),
    ...(cancels
      ? [[orderCancellationRequested, { ...orderCancellationRequested.example, ...second }] as Said]
      : []),
  ];
}

const EVENTS = storyOf(
  '',
  [
    { revision: 2, zone: '' },
    { revision: 4, zone: '' },
    { revision: 5, zone: '' },
  ],
  true,
).length;

/** Every event at least once, in any order; some again, under their own id or as an event of their own. */
const deliveries = fc
  .array(fc.tuple(fc.nat(EVENTS - 1), fc.boolean()), { maxLength: EVENTS })
  .chain((more) => {
    const all = [
      ...Array.from({ length: EVENTS }, (_, index) => ({ index, id: `e${index}` })),
      ...more.map(([index, same], nth) => ({ index, id: same ? `e${index}` : `e${index}-${nth}` })),
    ];
    return fc.shuffledSubarray(all, { minLength: all.length });
  });

describe('the events of one customer', () => {
  let service: TestService;
  let customers = 0;
  beforeAll(async () => {
    service = await startShipping();
  });
  afterAll(() => service.close());

  it('lead to the same parcels, addresses and labels in whatever order and however often they come', async () => {
    await fc.assert(
      fc.asyncProperty(changes, fc.boolean(), deliveries, async (moves, cancels, sequence) => {
        const inOrder = `${(customers += 1)}X`;
        const shuffled = `${customers}Y`;
        for (const said of storyOf(inOrder, moves, cancels)) await say(said, `${inOrder}-${eventId()}`);
        const story = storyOf(shuffled, moves, cancels);
        for (const { index, id } of sequence) {
          const said = story[index];
          if (said) await say(said, `${shuffled}-${id}`);
        }
        const expected = await endOf(inOrder);
        expect(await endOf(shuffled)).toEqual(expected);
        expect(expected[0]).toMatchObject({ state: 'prepared', revision: highestFitting(1, moves) });
        expect(expected[1]).toMatchObject(
          cancels ? { state: 'cancelled' } : { state: 'prepared', revision: highestFitting(3, moves) },
        );
      }),
      { numRuns: numRuns(60) },
    );
    await service.settle();
    expect(repeated()).toEqual([]);
  });

  let ids = 0;
  const eventId = (): number => (ids += 1);

  async function say([contract, data]: Said, id: string): Promise<void> {
    expect(await service.deliver(contract, data, { id })).toBe(204);
  }

  async function endOf(customer: string): Promise<Record<string, unknown>[]> {
    const ends = [];
    for (const name of ['A', 'B']) {
      const path = `/api/shipments/SHP-${name}${customer}`;
      const { body } = await service.call('GET', path, { staff: true });
      const { state, address, addressRevision: revision, labels } = body;
      // A cancelled parcel goes nowhere: what stood on it depends on when the request came.
      if (state === 'cancelled') ends.push({ state });
      else ends.push({ state, address, revision, label: labels.at(-1)?.revision === revision });
    }
    return ends;
  }

  /** What was said twice: of one parcel, an event of a kind and a revision. */
  function repeated(): string[] {
    const seen = new Set<string>();
    return service.sink.events
      .map(({ type, subject, data }) => `${type} ${subject} ${String(data['revision'])}`)
      .filter((key) => seen.size === seen.add(key).size);
  }
});

function highestFitting(own: number, moves: readonly Change[]): number {
  return Math.max(own, ...moves.filter(({ zone }) => zone === 'domestic').map(({ revision }) => revision));
}
