import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { root } from '../support/root.ts';
import { openShop, type TestShop } from '../support/shop.ts';
import { STAFF_TOKEN } from '../support/service.ts';

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** Runs the test program as a Pod does. */
function verify(env: Record<string, string>): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'services/cluster/verify.ts')],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (said += String(text)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
}

function environmentOf({ shop }: TestShop, changes: Record<string, string> = {}): Record<string, string> {
  const urls = ['storefront', 'payment', 'inventory', 'shipping'].map((name) => [
    `${name.toUpperCase()}_URL`,
    shop.url(name),
  ]);
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
      expect(said).toContain('its goods are free and its parcel is closed');
      expect([code, said]).toEqual([0, expect.not.stringContaining('FAILED')]);
    },
  );

  it.each([['payment'], ['inventory'], ['shipping']])(
    'names the event that did not reach %s, and its Trigger',
    async (name) => {
      shop = await openShop();
      await using deaf = await openDeaf();
      const env = environmentOf(shop, { VERIFY_PATIENCE: '2s', TRIGGER_PREFIX: 'tw-' });
      await shop.shop.stop(name);
      const { code, said } = await verify({ ...env, [`${name.toUpperCase()}_URL`]: deaf.url });
      expect([code, said]).toEqual([1, expect.stringContaining('in vain: order TW-')]);
      expect(said).toContain(`order.placed did not reach ${name}: see Trigger tw-${name}-order-placed`);
    },
  );

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

/** A service that is ready and of which no event has heard. */
async function openDeaf(): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    response.writeHead(request.url?.startsWith('/api/') ? 404 : 200).end();
  });
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
