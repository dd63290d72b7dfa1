import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../events/order.ts';
import { services } from '../../services/index.ts';
import { render } from '../support/render.ts';
import { root } from '../support/root.ts';
import { openShop, secrets, shipmentIdOf, type TestShop } from '../support/shop.ts';

const run = promisify(execFile);
const toolsThere = ['bash', 'curl'].every((tool) => spawnSync(tool, ['--version']).status === 0);
if (!toolsThere) process.stderr.write('SKIPPED: bash and curl are needed to run the runbook with\n');

const [, page = ''] = readFileSync(join(root, 'docs/operations.md'), 'utf8').split('\n## Alerts\n');
const parts = new Map(
  page
    .split(/^### /m)
    .map((part) => [
      /^\w+/.exec(part)?.[0] ?? '',
      [...part.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block).join(''),
    ]),
);
const preparation = page.slice(0, page.indexOf('\n### '));

/** Its own commands, with a shop that runs here in the place of the cluster's. */
(toolsThere ? describe : describe.skip)('the runbook', () => {
  let shop: TestShop;
  let order: string;
  let standIn: string;
  beforeAll(async () => {
    shop = await openShop();
    order = await shop.customer().place();
    await shop.settle();
    const objects = await render({ namespace: 'shop' });
    standIn = join(shop.data.dataDir, 'stand-in.json');
    writeFileSync(
      standIn,
      JSON.stringify({
        namespace: 'shop',
        objects: objects.map(({ kind, metadata: { name, labels = {} } }) => ({ kind, name, labels })),
        urls: Object.fromEntries(services.map(({ name }) => [`shop-${name}`, shop.shop.url(name)])),
        staffToken: secrets.staffToken,
      }),
    );
  });
  afterAll(async () => {
    await shop[Symbol.asyncDispose]();
  });

  /** Runs a part after the preparation, up to the first command that fails. */
  async function follow(part: string): Promise<string> {
    const [, prepare = ''] = /```sh\n(.*?)^```$/ms.exec(preparation) ?? [];
    const kubectl = `kubectl() { ${process.execPath} --disable-warning=ExperimentalWarning test/support/kubectl.ts ${standIn} "$@"; }`;
    const script = `${kubectl}\n${prepare}\n${part}`
      .replace(/TW-\w{12}/, order)
      .replaceAll('http://127.0.0.1:8082', shop.shop.url('payment'))
      .replaceAll('http://127.0.0.1:8084', shop.shop.url('shipping'));
    const { stdout } = await run('bash', ['-euc', `set -o pipefail\n${script}\nwait`], { cwd: root });
    return stdout;
  }

  it.each([...parts].filter(([name]) => name.startsWith('Tradewind')))(
    'has commands for %s that work as they stand',
    async (_name, part) => {
      expect(part).not.toBe('');
      await bury();
      await follow(part);
    },
  );

  it('shows what it says of an order and its parcel', async () => {
    const said = await follow(parts.get('TradewindOrderUnconfirmed') ?? '');
    expect(said).toContain('payment.authorized');
    expect(said).toContain(`"orderId":"${order}"`);
    const refusal = await follow(parts.get('TradewindParcelWaiting') ?? '');
    expect(refusal).toContain(shipmentIdOf(order));
  });

  /** Dead letters that wait for a person: one was refused, and nobody is at the address of the other. */
  async function bury(): Promise<void> {
    const refused = { knativeerrordest: `${shop.shop.url('payment')}/events`, knativeerrorcode: '422' };
    const gone = {
      knativeerrordest: 'http://gone.example/events',
      knativeerrorcode: '500',
      knativeerrordata: Buffer.from('dispatch error: connection refused').toString('base64'),
    };
    const { type, source, example } = orderPlaced;
    for (const failure of [refused, gone]) {
      const event = { ...failure, id: randomUUID(), source, type, data: example };
      const { status } = await fetch(`${shop.shop.url('ledger')}/dead-letters`, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify({ specversion: '1.0', dataclassification: 'internal', ...event }),
      });
      expect(status).toBe(204);
    }
  }
});
