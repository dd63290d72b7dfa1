import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addressOf, portSpan, type ShopOptions } from '../../services/local/plan.ts';
import { superviseShop, type Supervisor } from '../../services/local/supervisor.ts';
import { runChaos } from '../support/chaos.ts';
import { Customer, newAddress } from '../support/customer.ts';
import { openTestData, type TestData } from '../support/data.ts';
import { freePortBase } from '../support/ports.ts';
import { call } from '../support/service.ts';
import { secrets, shipmentIdOf } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('a shop in processes of its own', () => {
  let shop: ShopOptions;
  let data: TestData;
  let supervisor: Supervisor | undefined;
  beforeAll(async () => {
    data = await openTestData('processes');
    shop = {
      dataDir: data.dataDir,
      portBase: await freePortBase(portSpan()),
      autoDispatch: 'off',
      secrets,
      env: { LOG_LEVEL: 'silent', ...data.env },
    };
    supervisor = await superviseShop(shop);
  });
  afterAll(async () => {
    await supervisor?.close();
    await data.remove();
  });

  it('brings an order from click to parcel, to the changed address', async () => {
    const ada = new Customer((name) => addressOf(name, shop));
    const id = await ada.place();
    await ada.waitFor(id, 'confirmed');
    await ada.moveTo(newAddress);
    const path = `/api/shipments/${shipmentIdOf(id)}`;
    await until('the address has changed', async () => {
      const { body } = await call(addressOf('shipping', shop), 'GET', path, { staff: true });
      return body.state === 'prepared' && body.addressRevision === 2;
    });
    await call(addressOf('shipping', shop), 'POST', `${path}/dispatch`, { staff: true });
    expect((await ada.waitFor(id, 'shipped')).shipment.address).toEqual(newAddress);
  });

  it('starts again what was killed', async () => {
    const before = supervisor?.pidOf('payment');
    if (before === undefined) throw new Error('payment is not running');
    process.kill(before, 'SIGKILL');
    await until('payment is back', async () => {
      const answer = await call(addressOf('payment', shop), 'GET', '/readyz').catch(() => undefined);
      return answer?.status === 200 && supervisor?.pidOf('payment') !== before;
    });
  });
});

describe('chaos', () => {
  it('loses nothing and does nothing twice, whatever is killed', async () => {
    const report = await runChaos({ portBase: await freePortBase(portSpan()), orders: 40, kills: 10 });
    expect(report.faults).toEqual([]);
    expect(report.orders).toBe(40);
  });
});
