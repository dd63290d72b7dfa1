import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { portSpan } from '../../services/local/plan.ts';
import { services } from '../../services/index.ts';
import { readBooks } from '../support/books.ts';
import { newAddress } from '../support/customer.ts';
import { freePortBase } from '../support/ports.ts';
import { openShop, shipmentIdOf, type TestShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const others = services.map(({ name }) => name).filter((name) => name !== 'ledger');

/** What has happened may be told again: nobody charges, labels, reserves or writes a second time. */
describe('a day replayed', () => {
  let shop: TestShop;
  beforeAll(async () => {
    shop = await openShop({
      portBase: await freePortBase(portSpan()),
      env: { SIMULATOR_SHORT_HOLD: '100ms' },
    });
    await liveThroughADay(shop);
    await until('the storefront has heard every level of the stock', () => levelsAreTold(shop));
    await shop.settle();
  });
  afterAll(async () => {
    await shop[Symbol.asyncDispose]();
  });

  it.each(['broker', ...others])('to %s changes nothing', async (to) => {
    const before = await readBooks(shop.data);
    expect(Object.values(before).flat().length).toBeGreaterThan(50);
    expect((await replayAll(shop, to)).sent).toBeGreaterThan(100);
    expect(await readBooks(shop.data)).toEqual(before);
  });

  it('changes nothing either when no inbox remembers the day any more', async () => {
    const before = await readBooks(shop.data);
    for (const name of others) {
      await shop.shop.service(name).store.write((tx) => tx.run('delete from inbox'));
    }
    expect((await replayAll(shop, 'broker')).sent).toBeGreaterThan(100);
    expect(await readBooks(shop.data)).toEqual(before);
  });
});

async function replayAll(shop: TestShop, to: string): Promise<{ sent: number }> {
  const { status, body } = await shop.staff('ledger', 'POST', '/api/replays', {
    of: 'events',
    select: { all: true },
    to,
    rate: 1000,
    reason: 'to see that it changes nothing',
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  let replay: { state: string; sent: number; refused: number } | undefined;
  await until('the replay is done', async () => {
    replay = (await shop.staff('ledger', 'GET', `/api/replays/${body.id}`)).body;
    return replay?.state === 'done';
  });
  await shop.settle();
  if (!replay) throw new Error('no replay');
  expect(replay.refused).toBe(0);
  return replay;
}

/** Levels are told a little later, many changes at once. */
async function levelsAreTold(shop: TestShop): Promise<boolean> {
  const read = (name: string, table: string): Promise<unknown[]> =>
    shop.shop.service(name).store.read.all(`select sku, revision from ${table} order by sku`);
  const [stock, told] = await Promise.all([read('inventory', 'stock'), read('storefront', 'stock_levels')]);
  return JSON.stringify(stock) === JSON.stringify(told);
}

/** Orders with every kind of end. */
async function liveThroughADay(shop: TestShop): Promise<void> {
  const staff = async (name: string, path: string): Promise<void> => {
    await until(`${path} is done`, async () => (await shop.staff(name, 'POST', path)).status < 300);
  };
  const shipped = async (changes: Record<string, unknown> = {}, delivered = false): Promise<void> => {
    const customer = shop.customer();
    const id = await customer.place(changes);
    await customer.waitFor(id, 'confirmed');
    await customer.moveTo(newAddress);
    await until('the parcel has its new address', async () => {
      return (await shop.shipmentOf(id)).addressRevision === 2;
    });
    await staff('shipping', `/api/shipments/${shipmentIdOf(id)}/dispatch`);
    await customer.waitFor(id, 'shipped');
    if (delivered) await staff('shipping', `/api/shipments/${shipmentIdOf(id)}/delivery`);
  };
  const cancelled = async (): Promise<void> => {
    const customer = shop.customer();
    const id = await customer.place();
    await customer.waitFor(id, 'confirmed');
    await customer.cancel(id);
    await customer.waitFor(id, 'cancelled');
  };
  const rejected = async (changes: Record<string, unknown>): Promise<void> => {
    const customer = shop.customer();
    const id = await customer.place(changes);
    await customer.waitFor(id, 'rejected');
  };
  await Promise.all([
    ...Array.from({ length: 6 }, () => shipped()),
    ...Array.from({ length: 3 }, () => shipped({}, true)),
    shipped({ paymentToken: 'tok_expires' }),
    ...Array.from({ length: 3 }, cancelled),
    rejected({ paymentToken: 'tok_declined' }),
    rejected({ lines: [{ sku: 'TW-HALYARD-30', quantity: 1000 }] }),
  ]);
}
