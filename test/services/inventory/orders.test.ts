import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderExpired, orderPlaced } from '../../../events/order.ts';
import { paymentAuthorized, paymentDeclined } from '../../../events/payment.ts';
import { shipmentCancelled, shipmentDispatched } from '../../../events/shipment.ts';
import {
  stockExpired,
  stockLevelChanged,
  stockRejected,
  stockReleased,
  stockReserved,
} from '../../../events/stock.ts';
import type { TestService } from '../../support/service.ts';
import { idsOf, levelOf, orderOf, startInventory } from './stock.ts';

const HOUR = 3_600_000;

describe('the stock', () => {
  let service: TestService;
  beforeEach(async () => {
    service = await startInventory({ rope: 10, buoy: 1 });
  });
  afterEach(() => service.close());

  const place = (orderId: string, ...lines: [string, number][]): Promise<number> =>
    service.deliver(orderPlaced, orderOf(orderId, lines));
  const authorize = (orderId: string): Promise<number> =>
    service.deliver(paymentAuthorized, { ...paymentAuthorized.example, ...idsOf(orderId) });
  const decline = (orderId: string): Promise<number> =>
    service.deliver(paymentDeclined, { ...paymentDeclined.example, ...idsOf(orderId) });
  const dispatch = (orderId: string): Promise<number> =>
    service.deliver(shipmentDispatched, { ...shipmentDispatched.example, ...idsOf(orderId) });
  const cancel = (orderId: string): Promise<number> =>
    service.deliver(shipmentCancelled, { ...shipmentCancelled.example, ...idsOf(orderId) });
  const told = async (contract: { type: string }): Promise<Record<string, unknown>[]> => {
    await service.settle();
    return service.sink.ofType(contract.type).map((event) => event.data);
  };

  it('is set aside once per order, whatever the number of deliveries and of ids they come under', async () => {
    const order = orderOf('TW-1', [['rope', 2]]);
    for (const id of ['same', 'same', 'another']) {
      expect(await service.deliver(orderPlaced, order, { id })).toBe(204);
    }
    expect(await levelOf(service, 'rope')).toMatchObject({ onHand: 10, reserved: 2, available: 8 });
    expect(await told(stockReserved)).toEqual([
      expect.objectContaining({ ...idsOf('TW-1'), lines: [{ sku: 'rope', quantity: 2 }] }),
    ]);
  });

  it('is set aside for all lines or for none', async () => {
    expect(await place('TW-1', ['rope', 3], ['buoy', 2])).toBe(204);
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 0, revision: 1 });
    expect(await levelOf(service, 'buoy')).toMatchObject({ reserved: 0, revision: 1 });
    expect(await told(stockRejected)).toEqual([
      { ...idsOf('TW-1'), shortages: [{ sku: 'buoy', wanted: 2, available: 1 }] },
    ]);
  });

  it('counts two lines of the same article together', async () => {
    await place('TW-1', ['rope', 6], ['rope', 5]);
    expect(await told(stockRejected)).toMatchObject([
      { shortages: [{ sku: 'rope', wanted: 11, available: 10 }] },
    ]);
    await place('TW-2', ['rope', 6], ['rope', 4]);
    expect(await told(stockReserved)).toMatchObject([{ lines: [{ sku: 'rope', quantity: 10 }] }]);
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 10, available: 0 });
  });

  it('may be wanted in two lines that together exceed what one line can have', async () => {
    expect(await place('TW-1', ['rope', 1000], ['rope', 1000])).toBe(204);
    expect(await told(stockRejected)).toMatchObject([{ shortages: [{ sku: 'rope', wanted: 2000 }] }]);
    await service.service.store.write((tx) => tx.run("update stock set on_hand = 5000 where sku = 'rope'"));
    expect(await place('TW-2', ['rope', 1000], ['rope', 1000])).toBe(204);
    expect(await told(stockReserved)).toMatchObject([{ lines: [{ sku: 'rope', quantity: 2000 }] }]);
  });

  it('has nothing of an article it does not know', async () => {
    await place('TW-1', ['rope', 1], ['anchor', 1]);
    expect(await told(stockRejected)).toMatchObject([
      { shortages: [{ sku: 'anchor', wanted: 1, available: 0 }] },
    ]);
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 0 });
  });

  it('goes back when the payment is declined, once', async () => {
    await place('TW-1', ['rope', 4]);
    await decline('TW-1');
    await decline('TW-1');
    await cancel('TW-1');
    expect(await levelOf(service, 'rope')).toMatchObject({ onHand: 10, reserved: 0 });
    expect(await told(stockReleased)).toEqual([
      { ...idsOf('TW-1'), lines: [{ sku: 'rope', quantity: 4 }], reason: 'payment_declined' },
    ]);
  });

  it('of one order is not touched by the end of another', async () => {
    await place('TW-1', ['rope', 4]);
    await place('TW-2', ['rope', 4]);
    await cancel('TW-1');
    await cancel('TW-1');
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 4, available: 6 });
  });

  it('is not touched by events that name another customer', async () => {
    await place('TW-1', ['rope', 4]);
    const forged = { ...shipmentCancelled.example, orderId: 'TW-1', customerId: 'cus-of-somebody-else' };
    expect(await service.deliver(shipmentCancelled, forged)).toBe(204);
    await decline('TW-2');
    const order = { ...orderOf('TW-2', [['rope', 1]]), customerId: 'cus-of-somebody-else' };
    expect(await service.deliver(orderPlaced, order)).toBe(204);
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 4 });
    expect(await told(stockReleased)).toEqual([]);
  });

  it('cannot be promised beyond what is on the shelf, whoever writes it', async () => {
    const write = service.service.store.write((tx) =>
      tx.run("update stock set reserved = on_hand + 1 where sku = 'rope'"),
    );
    await expect(write).rejects.toThrow(/constraint/i);
  });

  it('is not set aside for an order that ended before it was heard of', async () => {
    await cancel('TW-1');
    expect(await place('TW-1', ['rope', 4])).toBe(204);
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 0 });
    expect(await told(stockReserved)).toEqual([]);
  });

  it('is not set aside for an order whose deadline passed before it was heard of', async () => {
    await service.deliver(orderExpired, { ...orderExpired.example, ...idsOf('TW-1') });
    await place('TW-1', ['rope', 4]);
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 0 });
  });

  it('stays set aside when the deadline passes, until shipping has decided', async () => {
    await place('TW-1', ['rope', 4]);
    await service.deliver(orderExpired, { ...orderExpired.example, ...idsOf('TW-1') });
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 4 });
    await cancel('TW-1');
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 0 });
  });

  it('leaves the shelf with the parcel, once, and never comes back', async () => {
    await place('TW-1', ['rope', 4]);
    await authorize('TW-1');
    await dispatch('TW-1');
    await dispatch('TW-1');
    await cancel('TW-1');
    expect(await levelOf(service, 'rope')).toMatchObject({ onHand: 6, reserved: 0, available: 6 });
    expect(await told(stockReleased)).toEqual([]);
  });

  it('leaves the shelf also when the parcel is heard of before the order', async () => {
    await dispatch('TW-1');
    await place('TW-1', ['rope', 4]);
    expect(await levelOf(service, 'rope')).toMatchObject({ onHand: 6, reserved: 0 });
  });

  it('asks after its expiry whether an unpaid order still lives, and holds on until the answer', async () => {
    await place('TW-1', ['rope', 4]);
    await service.advance(HOUR - 60_000);
    expect(await told(stockExpired)).toEqual([]);
    await service.advance(120_000);
    expect(await told(stockExpired)).toEqual([expect.objectContaining(idsOf('TW-1'))]);
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 4 });
  });

  it('does not expire once it is paid for, in whatever order that is heard', async () => {
    await place('TW-1', ['rope', 1]);
    await authorize('TW-1');
    await authorize('TW-2');
    await place('TW-2', ['rope', 1]);
    await service.advance(2 * HOUR);
    expect(await told(stockExpired)).toEqual([]);
    expect(await service.service.store.read.all("select * from tasks where kind = 'expire'")).toEqual([]);
  });

  it('tells its level after a change, many changes in one, with a revision that only grows', async () => {
    await service.advance(1000);
    service.freeze();
    service.sink.events.length = 0;
    await place('TW-1', ['rope', 1]);
    await place('TW-2', ['rope', 1]);
    await cancel('TW-1');
    await service.advance(1000);
    expect(await told(stockLevelChanged)).toEqual([
      { sku: 'rope', onHand: 10, reserved: 1, available: 9, revision: 4 },
    ]);
    await dispatch('TW-2');
    await service.advance(1000);
    expect(await told(stockLevelChanged)).toContainEqual({
      sku: 'rope',
      onHand: 9,
      reserved: 0,
      available: 9,
      revision: 5,
    });
  });

  it('is never sold twice: 200 orders at once for 50 pieces, and as many releases', async () => {
    await service.service.store.write((tx) =>
      tx.run("insert into stock (sku, on_hand, reserved, revision) values ('lamp', 50, 0, 1)"),
    );
    const orders = Array.from({ length: 200 }, (_, index) => `TW-${index}`);
    const statuses = await Promise.all(orders.map((orderId) => place(orderId, ['lamp', 1])));
    expect(new Set(statuses)).toEqual(new Set([204]));
    expect(await levelOf(service, 'lamp')).toMatchObject({ onHand: 50, reserved: 50, available: 0 });
    expect(await told(stockReserved)).toHaveLength(50);
    expect(await told(stockRejected)).toHaveLength(150);
    const winners = (await told(stockReserved)).map((data) => String(data['orderId']));
    await Promise.all([...winners, ...winners].map(cancel));
    expect(await levelOf(service, 'lamp')).toMatchObject({ onHand: 50, reserved: 0, available: 50 });
  });

  it('is not lost in a deadlock of orders that want the same articles in another order', async () => {
    const orders = Array.from({ length: 40 }, (_, index) => `TW-${index}`);
    await service.service.store.write((tx) => tx.run('update stock set on_hand = 100'));
    await Promise.all(
      orders.map((orderId, index) =>
        index % 2 === 0 ? place(orderId, ['rope', 1], ['buoy', 1]) : place(orderId, ['buoy', 1], ['rope', 1]),
      ),
    );
    expect(await levelOf(service, 'rope')).toMatchObject({ reserved: 40 });
    expect(await levelOf(service, 'buoy')).toMatchObject({ reserved: 40 });
  });
});
