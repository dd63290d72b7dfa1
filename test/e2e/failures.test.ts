import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cases } from '../../e2e/cases.ts';
import type { Stage } from '../../e2e/stage.ts';
import { shippingAddressUpdated } from '../../events/customer.ts';
import { RemoteShop } from '../../services/cluster/shop.ts';
import { services } from '../../services/index.ts';
import { secrets } from '../support/shop.ts';
import { deliver } from '../support/service.ts';
import { openLocalStage, type LocalStage } from './local-stage.ts';

/** What is posted to the Broker. */
interface Posted {
  readonly headers: Readonly<Record<string, string>>;
}

/** A case that passes whatever happens proves nothing: each has to find what it is there to find. */
describe('an end-to-end case fails', () => {
  let stage: LocalStage;
  beforeAll(async () => {
    stage = await openLocalStage(3000);
  }, 180_000);
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  }, 180_000);

  /** @param changes what a stage does otherwise @returns why the case failed */
  async function failure(name: string, changes: Partial<Stage> = {}): Promise<string> {
    const found = cases.find((each) => each.name === name);
    const spoiled = new Proxy<Stage>(stage, {
      get(target, key: keyof Stage) {
        const value = changes[key] ?? target[key];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const failed = await found?.run({ stage: spoiled, say: () => undefined }).then(
      () => 'it passed',
      (error: Error) => error.message,
    );
    return failed ?? 'there is no such case';
  }

  /** Does something behind everybody's back when the shop is told something. @returns the id that is answered instead */
  function meddling(path: string, act: (id: string) => Promise<string | undefined>): Partial<Stage> {
    const urls = Object.fromEntries(stage.shop.services.map((name) => [name, stage.shop.urlOf(name)]));
    class Meddling extends RemoteShop {
      override async call(...args: Parameters<RemoteShop['call']>): ReturnType<RemoteShop['call']> {
        const answer = await super.call(...args);
        if (args[1] === 'GET' || args[2] !== path) return answer;
        const { id = '' } = JSON.parse(answer.body || '{}') as { id?: string };
        const other = await act(id);
        return other === undefined ? answer : { ...answer, body: JSON.stringify({ id: other }) };
      }
    }
    return { shop: new Meddling({ urls, staffToken: secrets.staffToken, patienceMs: 3000 }) };
  }

  /** Writes into the books of a service as nobody should. */
  async function forge(service: string, name: string, sql: string, ...values: string[]): Promise<undefined> {
    using database = new DatabaseSync(join(stage.data.dataDir, service, `${name}.sqlite`), { timeout: 5000 });
    database.prepare(sql).run(...values);
  }

  it.each(['shipped', 'declined', 'address', 'helm-test'])(
    '%s: where shipping is away, and names what did not reach it',
    async (name) => {
      await stage.scale('shipping', 0);
      const said = await failure(name);
      await stage.scale('shipping', 1);
      expect(said).toMatch(/in vain|fetch failed/);
      expect(said).toContain('shipping');
    },
    180_000,
  );

  it('shipped: where the provider was made to take the money twice', async () => {
    const twice = meddling('/api/orders', (id) =>
      forge(
        'payment',
        'simulator',
        `insert into charges (reference, order_id, amount, currency, captured, voided, refunded, expires_at)
         values (?, ?, 4900, 'EUR', 4900, 0, 0, '2100-01-01T00:00:00.000Z')`,
        `ch_${id}`,
        id,
      ),
    );
    expect(await failure('shipped', twice)).toMatch(/the provider took \d+ and \d+, not \d+ once/);
  }, 120_000);

  it('shipped: where a piece is missing from the shelf', async () => {
    const stolen = meddling('/api/orders', () =>
      forge('inventory', 'inventory', `update stock set on_hand = on_hand - 1 where sku = 'TW-ROPE-10'`),
    );
    const words = /the stock has \d+ on hand, \d+ set aside, not \d+ on hand/;
    expect(await failure('shipped', stolen)).toMatch(words);
  }, 120_000);

  it('address: where somebody else is given the new address, too', async () => {
    const overheard = meddling('/api/me/shipping-address', async () => {
      await deliver(stage.shop.urlOf('inventory'), shippingAddressUpdated, shippingAddressUpdated.example);
      return undefined;
    });
    expect(await failure('address', overheard)).toBe('the changed address was delivered to inventory, too');
  }, 120_000);

  it.each<[string, string, Partial<Stage>, string]>([
    [
      'events',
      'the Broker takes what it does not bring',
      { run: async () => '{"status":202}' },
      'in vain: the ledger keeps the binary event',
    ],
    [
      'events',
      'the Broker takes no event',
      { run: async () => '{"status":500}' },
      'the Broker answers 500 to a binary event, not 202',
    ],
    [
      'events',
      'the Broker takes anything',
      {
        run: async (service, program, input) => {
          const { headers } = input as Posted;
          const isEvent = 'ce-id' in headers || headers['content-type'] !== 'application/json';
          return isEvent ? stage.run(service, program, input) : '{"status":202}';
        },
      },
      'the Broker answers 202 to what is no event, not 400',
    ],
    [
      'poison',
      'nothing is refused',
      {
        run: async (service, program, input) => {
          const posted = input as Posted;
          const headers = { ...posted.headers, 'ce-type': 'com.example.harmless' };
          return stage.run(service, program, { ...posted, headers });
        },
      },
      'in vain: the ledger has a dead letter of e2e-',
    ],
    [
      'shipping-away',
      'it never was away',
      { scale: async () => undefined },
      'in vain: the ledger has a dead letter of TW-',
    ],
    [
      'shipping-away',
      'it does not come back',
      { scale: async (service) => stage.scale(service, 0) },
      'in vain: shipping answers POST /api/shipments/SHP-',
    ],
    [
      'upgrade',
      'it fails',
      { upgrade: async () => Promise.reject(new Error('helm upgrade: context deadline exceeded')) },
      'helm upgrade: context deadline exceeded',
    ],
    [
      'replicas',
      'there is one Pod',
      { scale: async () => undefined },
      'storefront has 1 Pods that answer, not 2',
    ],
    [
      'uninstall',
      'something is left',
      { uninstall: async () => ['Trigger/shop-payment-order-placed'] },
      'left behind:\nTrigger/shop-payment-order-placed',
    ],
  ])(
    '%s: where %s',
    async (name, _what, changes, words) => {
      const said = await failure(name, changes);
      for (const { name: service } of services) await stage.scale(service, 1);
      expect(said).toContain(words);
    },
    180_000,
  );

  it('upgrade: where an order is lost on the way', async () => {
    const accepted: string[] = [];
    // The customer is told of an order that there is not.
    const losing = meddling('/api/orders', async (id) => {
      accepted.push(id);
      return accepted.length === 1 ? 'TW-000000000000' : undefined;
    });
    // What is looked for is the loss; a rollover takes longer than this stage has patience.
    const said = await failure('upgrade', { ...losing, upgrade: async () => undefined });
    expect(said).toMatch(/^\d+ orders, faults: 1\nwaited 3 s in vain: order TW-000000000000 is prepared\n/);
    expect(accepted.length).toBeGreaterThan(5);
  }, 180_000);
});
