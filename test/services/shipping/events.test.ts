import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  orderAddressed,
  orderCancellationRequested,
  orderExpired,
  orderPlaced,
} from '../../../events/order.ts';
import { paymentAuthorized, paymentDeclined, paymentRenewalDeclined } from '../../../events/payment.ts';
import { stockExpired, stockRejected, stockReserved } from '../../../events/stock.ts';
import { engine } from '../../support/data.ts';
import type { TestService } from '../../support/service.ts';
import { addressOf, CUSTOMER, idsOf, shipmentIdOf, startShipping, Teller } from './parcels.ts';

const ORDER = 'TW-4Q7K2M9XJ3PA';
const OTHER = 'TW-5R8M3N0YK4QB';
const DAY = 86_400_000;

describe('shipping', () => {
  let service: TestService;
  let teller: Teller;
  async function start(env: Record<string, string> = {}): Promise<void> {
    service = await startShipping(env);
    teller = new Teller(service);
  }
  beforeEach(() => start());
  afterEach(() => service.close());

  const dispatch = (orderId: string) => teller.staff('POST', `/${shipmentIdOf(orderId)}/dispatch`);
  async function gauge(name: string): Promise<number> {
    const { body } = await service.call('GET', '/metrics');
    return Number(new RegExp(`tradewind_shipments_${name}\\{.*\\} ([\\d.]+)\n`).exec(String(body))?.[1]);
  }
  const tasks = (kind: string) => service.service.store.read.all('select * from tasks where kind = $1', kind);

  it('prepares a parcel when it is placed, addressed, paid and in stock, and labels it', async () => {
    await teller.prepare(ORDER);
    expect(await teller.told(ORDER)).toEqual([
      { event: 'prepared', trackingNumber: 'TW4Q7K2M9XJ3PA6', addressRevision: 1 },
    ]);
    expect(await teller.shipment(ORDER)).toMatchObject({
      state: 'prepared',
      address: addressOf(1),
      addressRevision: 1,
      lines: [{ sku: orderPlaced.example.lines[0]?.sku, quantity: 2 }],
      labels: [{ revision: 1 }],
    });
  });

  it('keeps an address out of everything that it says', async () => {
    await teller.prepare(ORDER);
    await teller.change(2);
    await dispatch(ORDER);
    await teller.change(3);
    await teller.told(ORDER);
    const said = JSON.stringify(service.sink.events);
    expect(service.sink.events).toHaveLength(4);
    expect(said).not.toMatch(/Deichweg|Lindqvist|20457/);
  });

  it('does nothing twice for an event that comes twice, under its id or another', async () => {
    await teller.prepare(ORDER);
    await teller.prepare(ORDER);
    const data = { ...orderCancellationRequested.example, ...idsOf(ORDER) };
    for (const id of ['a', 'a', 'b']) await service.deliver(orderCancellationRequested, data, { id });
    expect((await teller.told(ORDER)).map(({ event }) => event)).toEqual(['prepared', 'cancelled']);
  });

  it('knows everything again after a restart', async () => {
    await teller.say(orderPlaced, ORDER);
    await teller.say(paymentAuthorized, ORDER);
    await teller.change(2);
    await service.restart();
    await teller.say(stockReserved, ORDER);
    await teller.address(ORDER);
    expect(await teller.shipment(ORDER)).toMatchObject({ state: 'prepared', address: addressOf(2) });
  });

  it('sorts through all parcels of a customer when the address changes', async () => {
    await teller.prepare('TW-GONE');
    await dispatch('TW-GONE');
    await teller.prepare('TW-PACKED');
    await teller.say(orderPlaced, 'TW-WAITS');
    await teller.address('TW-WAITS');
    await teller.prepare('TW-CANCELLED');
    await teller.say(orderCancellationRequested, 'TW-CANCELLED');
    await teller.say(paymentDeclined, 'TW-CLOSED');
    await teller.address('TW-CLOSED');
    await teller.address('TW-ABROAD', 1, 'world');
    await teller.change(2);
    const last = async (orderId: string) => (await teller.told(orderId)).at(-1);
    expect(await last('TW-GONE')).toEqual({
      event: 'addressrefused',
      revision: 2,
      reason: 'already_dispatched',
    });
    expect(await last('TW-PACKED')).toEqual({ event: 'readdressed', revision: 2, relabelled: true });
    expect(await last('TW-WAITS')).toEqual({ event: 'readdressed', revision: 2, relabelled: false });
    expect(await last('TW-CANCELLED')).toEqual({ event: 'addressrefused', revision: 2, reason: 'cancelled' });
    expect(await last('TW-CLOSED')).toBeUndefined();
    expect(await last('TW-ABROAD')).toEqual({
      event: 'addressrefused',
      revision: 2,
      reason: 'other_fee_zone',
    });
    expect(await teller.shipment('TW-PACKED')).toMatchObject({
      address: addressOf(2),
      labels: [{ revision: 1 }, { revision: 2 }],
    });
    expect(await teller.shipment('TW-GONE')).toMatchObject({
      address: addressOf(1),
      labels: [{ revision: 1 }],
    });
  });

  it('does not answer for ever for parcels that are over', async () => {
    await teller.prepare('TW-GONE');
    await dispatch('TW-GONE');
    await teller.prepare('TW-CANCELLED');
    await teller.say(orderCancellationRequested, 'TW-CANCELLED');
    const answered = async () => {
      const [gone, cancelled] = await Promise.all([teller.told('TW-GONE'), teller.told('TW-CANCELLED')]);
      return [...gone, ...cancelled].filter(({ event }) => event === 'addressrefused').length;
    };
    await teller.change(2);
    expect(await answered()).toBe(2);
    await service.advance(DAY);
    await teller.change(3);
    expect(await answered()).toBe(3);
    await teller.staff('POST', `/${shipmentIdOf('TW-GONE')}/delivery`);
    await teller.change(4);
    expect(await answered()).toBe(4);
    await service.advance(29 * DAY);
    await teller.change(5);
    expect(await answered()).toBe(4);
  });

  it('leaves the parcels of other customers alone', async () => {
    await teller.prepare(ORDER);
    await service.deliver(orderAddressed, {
      ...orderAddressed.example,
      orderId: OTHER,
      customerId: 'cus-somebody-else',
    });
    await teller.change(2);
    expect(await teller.told(OTHER)).toEqual([]);
    expect(await teller.shipment(OTHER)).toMatchObject({ address: orderAddressed.example.address });
  });

  it('keeps a change that comes before its order, and no longer than needed', async () => {
    await teller.change(2);
    await teller.address(ORDER);
    expect(await teller.shipment(ORDER)).toMatchObject({ address: addressOf(2), addressRevision: 2 });
    await service.advance(31 * DAY);
    await service.advance(DAY);
    expect(await service.service.store.read.all('select * from address_changes')).toEqual([]);
    expect(await tasks('forget-changes')).toHaveLength(1);
  });

  it('does not move a later order to an address that it has outlived', async () => {
    await teller.change(2);
    await teller.address(ORDER, 3);
    expect(await teller.shipment(ORDER)).toMatchObject({ address: addressOf(3), addressRevision: 3 });
    expect(await teller.told(ORDER)).toEqual([]);
  });

  it.each([
    ['an expired order', orderExpired, 'order_expired'],
    ['a reservation that ran out', stockExpired, 'reservation_expired'],
    ['a request', orderCancellationRequested, 'requested'],
    ['a hold on the money that ends', paymentRenewalDeclined, 'payment_lapsed'],
  ])('stops for %s, before anything else is heard', async (_what, contract, reason) => {
    await teller.say(contract, ORDER);
    await teller.prepare(ORDER);
    expect(await teller.told(ORDER)).toEqual([{ event: 'cancelled', reason }]);
    expect(await teller.shipment(ORDER)).toMatchObject({ state: 'cancelled', reason, labels: [] });
  });

  it.each([
    ['declined', paymentDeclined, 'payment_declined'],
    ['out of stock', stockRejected, 'out_of_stock'],
  ])('says nothing of an order that is %s', async (_what, contract, reason) => {
    await teller.say(orderPlaced, ORDER);
    await teller.say(contract, ORDER);
    await teller.say(orderCancellationRequested, ORDER);
    expect(await teller.told(ORDER)).toEqual([]);
    expect(await teller.shipment(ORDER)).toMatchObject({ state: 'closed', reason });
  });

  it('lets a parcel leave or be cancelled, never both, in every one of many races', async () => {
    const orders = Array.from({ length: 60 }, (_, index) => `TW-RACE${index}`);
    await Promise.all(orders.map((orderId) => teller.prepare(orderId)));
    for (const [index, orderId] of orders.entries()) {
      await Promise.all([
        teller.say(orderCancellationRequested, orderId),
        teller.say(orderExpired, orderId),
        turns(index % 6).then(() => dispatch(orderId)),
      ]);
    }
    for (const orderId of orders) {
      const names = (await teller.told(orderId)).map(({ event }) => String(event));
      const { state } = await teller.shipment(orderId);
      expect([state, names.slice(1)]).toEqual(
        state === 'dispatched'
          ? ['dispatched', ['dispatched', 'cancellationrefused']]
          : ['cancelled', ['cancelled']],
      );
    }
  });

  it('counts what waits, and tells for how long', async () => {
    expect([await gauge('waiting'), await gauge('waiting_oldest_seconds')]).toEqual([0, 0]);
    await teller.say(orderPlaced, ORDER);
    expect(await gauge('waiting')).toBe(1);
    expect(await gauge('waiting_oldest_seconds')).toBeGreaterThan(0);
    await teller.prepare(ORDER);
    expect([await gauge('waiting_oldest_seconds'), await gauge('prepared')]).toEqual([0, 1]);
  });

  it('looks at the shipments of one customer by index', async () => {
    const plan = await service.service.store.write(async (tx) => {
      // PostgreSQL would rather read a table from end to end that is as small as this one.
      if (engine === 'postgres') await tx.run('set local enable_seqscan = off');
      return tx.all(
        `explain ${engine === 'sqlite' ? 'query plan' : ''}
         select version, body from shipments where customer_id = '${CUSTOMER}'
         and answers_until > '2026-11-24T09:30:00.000Z' order by heard_at`,
      );
    });
    expect(JSON.stringify(plan)).toMatch(/index (?:scan (?:on|using) )?shipments_that_answer/i);
  });
});

/** Lets the event loop turn, so that what races starts apart. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resume) => setImmediate(resume));
}
