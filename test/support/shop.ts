import { startShop, type RunningShop } from '../../services/local/shop.ts';
import { Customer } from './customer.ts';
import { openTestData, type TestData } from './data.ts';
import { startReplicatedShop } from './replicated-shop.ts';
import { call, STAFF_TOKEN, type Answer } from './service.ts';
import { until } from './until.ts';

export const secrets = { staffToken: STAFF_TOKEN, sessionSecret: 'session-secret-for-tests-0123456789' };

/** How many of each service this run of a test file is about: `jest.config.mjs` runs some files once more with two. */
const { replicas = 1 } = globalThis as { replicas?: number };

/** A whole shop on fresh databases and free ports. */
export interface TestShop extends AsyncDisposable {
  readonly shop: RunningShop;
  readonly data: TestData;
  customer(): Customer;
  staff(service: string, method: string, path: string, body?: unknown): Promise<Answer>;
  /** The shipment of an order, once shipping knows it. */
  shipmentOf(orderId: string): Promise<Answer['body']>;
  /** Waits until no event waits anywhere and no task is due. */
  settle(): Promise<void>;
}

/** Starts a shop whose parcels leave only when staff says so, unless `autoDispatch` says otherwise. */
export async function openShop(
  options: { autoDispatch?: string; portBase?: number; env?: Record<string, string> } = {},
): Promise<TestShop> {
  const data = await openTestData('shop');
  const { autoDispatch = 'off', portBase = 0, env = {} } = options;
  const start = replicas === 1 ? startShop : startReplicatedShop;
  const shop = await start({
    dataDir: data.dataDir,
    portBase,
    autoDispatch,
    secrets,
    env: { LOG_LEVEL: 'silent', ...data.env, ...env },
  });
  const staff: TestShop['staff'] = (service, method, path, body) =>
    call(shop.url(service), method, path, { staff: true, ...(body === undefined ? {} : { body }) });
  return {
    shop,
    data,
    customer: () => new Customer((name) => shop.url(name)),
    staff,
    async shipmentOf(orderId) {
      let found: Answer['body'];
      await until(`shipping knows order ${orderId}`, async () => {
        const { status, body } = await staff('shipping', 'GET', `/api/shipments/${shipmentIdOf(orderId)}`);
        found = body;
        return status === 200;
      });
      return found;
    },
    settle: () => until('nothing waits anywhere', () => shop.idle()),
    async [Symbol.asyncDispose]() {
      await shop.close();
      await data.remove();
    },
  };
}

export function shipmentIdOf(orderId: string): string {
  return orderId.replace('TW-', 'SHP-');
}
