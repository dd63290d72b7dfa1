import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderCancellationRequested } from '../../../events/order.ts';
import { readSettings } from '../../../platform/settings.ts';
import { shipping } from '../../../services/shipping/service.ts';
import { inLanes } from '../../support/lanes.ts';
import { STAFF_TOKEN, type TestService } from '../../support/service.ts';
import { shipmentIdOf, startShipping, Teller } from './parcels.ts';

const ORDER = 'TW-4Q7K2M9XJ3PA';
const DAY = 86_400_000;

describe('shipping', () => {
  let service: TestService;
  let teller: Teller;
  async function start(AUTO_DISPATCH: string): Promise<void> {
    service = await startShipping({ AUTO_DISPATCH });
    teller = new Teller(service);
  }
  beforeEach(() => start('10m'));
  afterEach(() => service.close());

  const dispatch = (orderId: string) => teller.staff('POST', `/${shipmentIdOf(orderId)}/dispatch`);
  const tasks = (kind: string) => service.service.store.read.all('select * from tasks where kind = $1', kind);

  describe('by itself', () => {
    it('sends a parcel off some time after it was prepared', async () => {
      await teller.prepare(ORDER);
      await service.advance(9 * 60_000);
      expect(await teller.shipment(ORDER)).toMatchObject({ state: 'prepared' });
      await service.advance(2 * 60_000);
      expect((await teller.told(ORDER)).map(({ event }) => event)).toEqual(['prepared', 'dispatched']);
    });

    it('does not send off what was cancelled, and forgets that it would have', async () => {
      await teller.prepare(ORDER);
      expect(await tasks('dispatch')).toHaveLength(1);
      await teller.say(orderCancellationRequested, ORDER);
      expect(await tasks('dispatch')).toEqual([]);
      await service.advance(DAY);
      expect(await teller.shipment(ORDER)).toMatchObject({ state: 'cancelled' });
    });

    it('sends off once, though staff was faster', async () => {
      await teller.prepare(ORDER);
      await dispatch(ORDER);
      await service.advance(DAY);
      expect((await teller.told(ORDER)).map(({ event }) => event)).toEqual(['prepared', 'dispatched']);
    });

    it('sends off to the address that was changed meanwhile', async () => {
      await teller.prepare(ORDER);
      await teller.change(2);
      await service.advance(DAY);
      expect((await teller.told(ORDER)).at(-1)).toMatchObject({ event: 'dispatched', addressRevision: 2 });
    });
  });

  it('sends a parcel off at once when told to wait no time at all', async () => {
    await service.close();
    await start('0s');
    await teller.prepare(ORDER);
    expect((await teller.told(ORDER)).map(({ event }) => event)).toEqual(['prepared', 'dispatched']);
  });

  it('refuses a delay that is none, and says how to write one', () => {
    const env = { STAFF_TOKEN, AUTO_DISPATCH: 'soon' };
    expect(() => readSettings(shipping, env)).toThrow(
      'configuration: AUTO_DISPATCH: must be a duration such as 30s, or off',
    );
  });

  describe('whose parcels are sent off by hand', () => {
    const off = { AUTO_DISPATCH: 'off' };

    it('sends none off by itself, also of those that were prepared before', async () => {
      await teller.prepare(ORDER);
      await service.restart(off);
      await service.advance(DAY);
      expect(await teller.shipment(ORDER)).toMatchObject({ state: 'prepared' });
      expect(await tasks('dispatch')).toEqual([]);
    });

    it('sends all off by itself, those prepared meanwhile too, when they leave by themselves again', async () => {
      await teller.prepare('TW-BEFORE');
      await service.restart(off);
      await service.advance(DAY);
      const meanwhile = Array.from({ length: 520 }, (_, index) => `TW-M${index}`);
      await inLanes(meanwhile, 20, (orderId) => teller.prepare(orderId));
      await teller.say(orderCancellationRequested, 'TW-M7');
      await service.restart();
      await service.advance(10 * 60_000);
      const { body } = await teller.staff('GET', '?state=prepared');
      expect(body.items).toEqual([]);
      expect(await teller.shipment('TW-BEFORE')).toMatchObject({ state: 'dispatched' });
      expect(await teller.shipment('TW-M519')).toMatchObject({ state: 'dispatched' });
      expect(await teller.shipment('TW-M7')).toMatchObject({ state: 'cancelled' });
    });
  });
});
