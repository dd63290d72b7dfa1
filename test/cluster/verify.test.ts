import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../events/order.ts';
import { services } from '../../services/index.ts';
import { root } from '../support/root.ts';
import { openShop, type TestShop } from '../support/shop.ts';
import { STAFF_TOKEN } from '../support/service.ts';

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** Runs the test program as a Pod does. @param hear called with all that it has said, whenever it says more */
function verify(
  env: Record<string, string>,
  hear: (said: string) => void = () => {},
  checks: readonly string[] = [],
): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'services/cluster/verify.ts'), ...checks],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      said += String(text);
      hear(said);
    });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
}

function environmentOf({ shop }: TestShop, changes: Record<string, string> = {}): Record<string, string> {
  const urls = services.map(({ name }) => [`${name.toUpperCase()}_URL`, shop.url(name)]);
  return { ...Object.fromEntries(urls), STAFF_TOKEN, VERIFY_PATIENCE: '20s', ...changes };
}

describe('the test program of the chart', () => {
  let shop: TestShop;
  afterEach(async () => {
    await shop[Symbol.asyncDispose]();
  });

  it.each([['off'], ['0s']])(
    'is content with a shop that works, whose parcels leave by themselves: %s',
    async (autoDispatch) => {
      shop = await openShop({ autoDispatch });
      const { code, said } = await verify(environmentOf(shop));
      expect(said).toContain('the changed address reached shipping alone');
      expect(said).toMatch(/the ledger keeps the story of order TW-\w+, and nothing of its address/);
      expect(said).toContain('its goods are free and its parcel is closed');
      expect([code, said]).toEqual([0, expect.not.stringContaining('FAILED')]);
    },
  );

  it('is content without a ledger, and says so', async () => {
    shop = await openShop();
    const { code, said } = await verify(environmentOf(shop, { LEDGER_URL: '' }));
    expect([code, said]).toEqual([0, expect.stringContaining('there is no ledger to ask')]);
  });

  it.each([['payment'], ['inventory'], ['shipping']])(
    'names the event that %s refused, its Trigger and its dead letter, and tells the story',
    async (name) => {
      shop = await openShop();
      await using deaf = await openDeaf();
      const changes = {
        VERIFY_PATIENCE: '2s',
        TRIGGER_PREFIX: 'tw-',
        [`${name.toUpperCase()}_URL`]: deaf.url,
      };
      const env = environmentOf(shop, changes);
      await shop.shop.stop(name);
      const letter = { knativeerrordest: `${deaf.url}/events`, knativeerrorcode: '400' };
      const { code, said } = await verify(
        env,
        oncePlaced((id) => post(`${env['LEDGER_URL']}/dead-letters`, { ...placed(id), ...letter })),
      );
      expect([code, said]).toEqual([1, expect.stringContaining('in vain: order TW-')]);
      const hop = `order.placed did not reach ${name}: see Trigger tw-${name}-order-placed`;
      expect(said).toContain(`${hop}\n  dead letter 1 for ${deaf.url}/events: `);
      expect(said).toMatch(/refused this event \(400\)/);
      expect(said).toMatch(/what the ledger has of TW-\w+:\n(?: {2,}.*\n)* {2}order\.placed.*\n {4}/);
    },
  );

  it('names the kept event that holds an address, but not the address', async () => {
    shop = await openShop();
    const { code, said } = await verify(
      environmentOf(shop),
      oncePlaced((id) =>
        post(`${shop.shop.url('broker')}/default/shop`, {
          ...chatter,
          correlationid: id,
          data: { street: 'Deichweg 3' },
        }),
      ),
    );
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(
        /the ledger keeps com\.example\.chatter note-1, which holds the order's address\n$/,
      ),
    ]);
    expect(said).not.toContain('Deichweg');
  });

  it('finds a confidential event in the archive, whoever’s it is', async () => {
    shop = await openShop();
    await post(`${shop.shop.url('broker')}/default/shop`, chatter);
    await shop.settle();
    // The ledger keeps no such thing, so it is put there.
    const { store } = shop.shop.service('ledger');
    await store.write((tx) => tx.run("update archive set type = 'shop.tradewind.order.addressed.v1'"));
    const { code, said } = await verify(environmentOf(shop));
    expect([code, said]).toEqual([
      1,
      expect.stringMatching(/the ledger keeps order\.addressed \S+, which is confidential/),
    ]);
  });

  it('finds a door for events where customers and staff come in, if there should be none', async () => {
    shop = await openShop();
    const { code, said } = await verify(environmentOf(shop, { EVENTS_APART: 'true' }));
    expect([code, said]).toEqual([
      1,
      expect.stringContaining('takes events where customers and staff come in: it answers 400, not 404'),
    ]);
  });

  it('does not take what another replica was given before for a leak', async () => {
    shop = await openShop();
    await using pods = await openTwoPods(shop.shop.url('inventory'));
    const { code, said } = await verify(environmentOf(shop, { INVENTORY_URL: pods.url }));
    expect(said).toContain('the changed address reached shipping alone');
    expect(code).toBe(0);
  });

  it('makes only the checks that it is asked for', async () => {
    shop = await openShop();
    const ready = await verify(environmentOf(shop), undefined, ['ready', 'closed']);
    expect(ready).toEqual({
      code: 0,
      said:
        'every service is ready, and knows the staff token\n' +
        'staff routes ask for the token, and what is no event is refused\n',
    });
    const strange = await verify(environmentOf(shop), undefined, ['raedy']);
    expect([strange.code, strange.said]).toEqual([
      1,
      expect.stringContaining('there is no check raedy: name some of ready, closed, shipped, declined'),
    ]);
  });

  it.each([
    ['answers 200 to GET /api/stock without the staff token, not 401', 200, 400],
    ['answers 204 to what is no event', 401, 204],
  ])('names a service that %s', async (fault, staff, event) => {
    shop = await openShop();
    await using open = await openAnswering(({ url, method, headers }) =>
      method === 'POST' ? event : url?.startsWith('/api/') && !headers.authorization ? staff : 200,
    );
    const { code, said } = await verify(environmentOf(shop, { INVENTORY_URL: open.url }), undefined, [
      'closed',
    ]);
    expect([code, said]).toEqual([1, expect.stringContaining(`inventory ${fault}`)]);
  });

  it('says which setting is missing', async () => {
    shop = await openShop();
    const { code, said } = await verify(environmentOf(shop, { STAFF_TOKEN: '' }));
    expect([code, said]).toEqual([1, 'configuration: STAFF_TOKEN: is not set\n']);
  });

  it('says who refuses the staff token', async () => {
    shop = await openShop();
    const { code, said } = await verify(environmentOf(shop, { STAFF_TOKEN: 'not-the-one-that-they-know' }));
    expect([code, said]).toEqual([1, expect.stringContaining('refuses the staff token')]);
  });
});

/** What somebody says beside what the shop says, and calls internal. */
const chatter = {
  specversion: '1.0',
  id: 'note-1',
  source: '/elsewhere',
  type: 'com.example.chatter',
  dataclassification: 'internal',
};

/** That an order was placed, as far as a dead letter needs to tell. */
function placed(correlationid: string): object {
  const { type, source } = orderPlaced;
  return { ...chatter, id: correlationid, type, source, correlationid };
}

async function post(url: string, event: object): Promise<void> {
  const headers = { 'content-type': 'application/cloudevents+json' };
  const { ok } = await fetch(url, { method: 'POST', headers, body: JSON.stringify(event) });
  expect(ok).toBe(true);
}

/** Acts once, as soon as the program says which order it has placed. */
function oncePlaced(act: (id: string) => Promise<void>): (said: string) => void {
  let acted: Promise<void> | undefined;
  return (said) => {
    const [, id] = /placed order (\S+)\n/.exec(said) ?? [];
    if (id) acted ??= act(id);
  };
}

/** A service that is ready and of which no event has heard. */
function openDeaf(): Promise<{ url: string } & AsyncDisposable> {
  return openAnswering(({ url, headers }) => {
    if (url === '/events') return 400;
    if (!url?.startsWith('/api/')) return 200;
    return headers.authorization ? 404 : 401;
  });
}

/** Two replicas of a service that have their turns, the second of which was given an address change once. */
function openTwoPods(target: string): Promise<{ url: string } & AsyncDisposable> {
  let turn = 0;
  const given = 'tradewind_events_total{type="shop.tradewind.customer.updated.v1",outcome="ignored"} 1';
  return open(({ url = '/', method = 'GET', headers }, response) => {
    const { authorization } = headers;
    const body = url === '/metrics' ? [`# replica ${turn}\n`, given][turn++ % 2] : undefined;
    if (body !== undefined) response.end(body);
    else
      void fetch(target + url, { method, headers: authorization ? { authorization } : {} }).then(
        async (answer) => response.writeHead(answer.status).end(await answer.text()),
      );
  });
}

function openAnswering(
  statusOf: (request: IncomingMessage) => number,
): Promise<{ url: string } & AsyncDisposable> {
  return open((request, response) => response.writeHead(statusOf(request)).end());
}

async function open(answer: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
