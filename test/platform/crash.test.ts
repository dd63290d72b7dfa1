import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../events/order.ts';
import { paymentAuthorized } from '../../events/payment.ts';
import { shipmentDispatched } from '../../events/shipment.ts';
import { stockLevelChanged, stockReserved } from '../../events/stock.ts';
import type { EventContract } from '../../platform/contract.ts';
import { startChild, type Child } from '../support/child.ts';
import { openTestData, type TestData } from '../support/data.ts';
import { call, deliver, STAFF_TOKEN } from '../support/service.ts';
import { openSink, type Sink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const ORDERS = 120;
const KILLS = 4;
/** On PostgreSQL the leases of one that was killed have to end first. */
const LEASES_MS = 60_000;
const { sku, quantity } = { sku: 'TW-ROPE-10', quantity: 1 };

interface Delivery {
  readonly contract: EventContract;
  readonly data: Record<string, unknown>;
  readonly id: string;
}

/** Three events of each order, in waves, as a broker sends them. */
function deliveries(): Delivery[] {
  const one = { ...orderPlaced.example, lines: [{ sku, quantity, name: 'Rope', unitPrice: 100 }] };
  const placed = { ...one, shippingFee: 0, total: { amount: 100, currency: 'EUR' } };
  return [orderPlaced, paymentAuthorized, shipmentDispatched].flatMap((contract: EventContract) =>
    Array.from({ length: ORDERS }, (_, index) => ({
      contract,
      data: { ...(contract === orderPlaced ? placed : contract.example), orderId: `TW-${index}` },
      id: `${contract.name}-${index}`,
    })),
  );
}

describe('a service that is killed', () => {
  let sink: Sink;
  let data: TestData;
  let child: Child;
  beforeEach(async () => {
    sink = await openSink();
    data = await openTestData('crash');
    child = await start();
  });
  afterEach(async () => {
    await child.kill();
    await sink.close();
    await data.remove();
  });

  const start = (): Promise<Child> =>
    startChild('run-inventory.ts', {
      PORT: '0',
      HOST: '127.0.0.1',
      ...data.env,
      K_SINK: sink.url,
      STAFF_TOKEN,
      LOG_LEVEL: 'silent',
    });
  const level = async () => {
    const { body } = await call(child.url, 'GET', '/api/stock', { staff: true });
    return body.items.find((each: { sku: string }) => each.sku === sku);
  };

  /** Sends in parallel, and again what was not taken; a kill comes whenever so many have been taken. */
  async function sendAll(waiting: Delivery[], killAt: number[]): Promise<void> {
    let taken = 0;
    const again: Delivery[] = [];
    const sendOne = async (delivery: Delivery): Promise<void> => {
      const { contract, data, id } = delivery;
      const status = await deliver(child.url, contract, data, { id }).catch(() => 0);
      if (status !== 204) again.push(delivery);
      else taken += 1;
      if (taken >= (killAt[0] ?? Number.POSITIVE_INFINITY)) {
        killAt.shift();
        await child.kill();
      }
    };
    const queue = [...waiting];
    const lanes = Array.from({ length: 16 }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) await sendOne(next);
    });
    await Promise.all(lanes);
    if (again.length === 0) return;
    child = await start();
    await sendAll(
      again,
      killAt.map((at) => at - taken).filter((at) => at > 0),
    );
  }

  it('has, after its return, every effect of what it took, and told each of them once', async () => {
    const before = await level();
    const all = deliveries();
    const kills = Array.from({ length: KILLS }, (_, nth) => Math.floor(((nth + 0.5) * all.length) / KILLS));
    await sendAll(all, kills);
    await child.kill();
    child = await start();

    const reserved = (): Set<string> =>
      new Set(sink.ofType(stockReserved.type).map((event) => event.subject));
    const last = () => sink.ofType(stockLevelChanged.type).findLast((event) => event.subject === sku)?.data;
    await until('every order was told of', () => reserved().size === ORDERS, LEASES_MS);
    await until(
      'the last level was told',
      () => last()?.['onHand'] === before.onHand - ORDERS * quantity,
      LEASES_MS,
    );

    expect(await level()).toMatchObject({ onHand: before.onHand - ORDERS * quantity, reserved: 0 });
    expect(last()).toEqual(await level());
    const idsByOrder = Map.groupBy(sink.ofType(stockReserved.type), (event) => event.subject);
    for (const events of idsByOrder.values()) expect(new Set(events.map((event) => event.id)).size).toBe(1);
  });

  it('by SIGTERM ends well, and in time', async () => {
    expect(await child.stop()).toBe(0);
    child = await start();
    expect((await call(child.url, 'GET', '/readyz')).status).toBe(200);
  });
});
