import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { orderPlaced } from '../../../events/order.ts';
import { inventory } from '../../../services/inventory/service.ts';
import { SubscriberTokens } from '../../../services/ledger/subscriber-tokens.ts';
import { TestIssuer } from '../../support/issuer.ts';
import { startTestService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';
import { openGraveyard, type Graveyard } from './graveyard.ts';

const AUDIENCE = 'urn:tradewind:shop:inventory';
const LEDGER = 'system:serviceaccount:shop:ledger';
const TRIGGER = 'system:serviceaccount:shop:inventory-order-placed-oidc-eventing.knative.dev-trigger';

let folder: string;
let issuer: TestIssuer;
let stock: TestService;
let yard: Graveyard;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tradewind-tokens-'));
  issuer = await TestIssuer.open();
  stock = await startTestService(inventory, {
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: AUDIENCE,
    OIDC_SUBJECTS: `${TRIGGER},${LEDGER}`,
  });
  yard = await openGraveyard({
    SUBSCRIBERS: `inventory=${stock.service.url}`,
    SUBSCRIBER_TOKEN_DIR: folder,
  });
});
afterEach(async () => {
  await yard[Symbol.asyncDispose]();
  await stock.close();
  await issuer[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const sign = (claims: object = {}): Promise<string> => issuer.sign({ sub: LEDGER, aud: AUDIENCE, ...claims });

async function mount(token: string): Promise<void> {
  await writeFile(join(folder, 'inventory'), token);
}

/** A delivery to inventory has failed, for a reason that may pass. */
async function die(id: string): Promise<void> {
  await yard.die(id, {
    attributes: {
      type: orderPlaced.type,
      source: orderPlaced.source,
      knativeerrordest: `${stock.service.url}/events`,
    },
    data: JSON.stringify(orderPlaced.example),
  });
}

async function handled(): Promise<number> {
  const row = await stock.service.store.read.get<{ count: number }>('select count(*) as count from inbox');
  return row?.count ?? 0;
}

describe('A letter to a service that asks for tokens', () => {
  it('reaches it with the ledger’s token for that audience', async () => {
    await mount(await sign());
    await die('one');
    await yard.arrived(['one']);
    expect(await handled()).toBe(1);
  });

  it('shows the token that is there by then, when it was renewed and the key with it', async () => {
    await mount(await sign({ exp: Math.floor(Date.now() / 1000) - 60 }));
    await die('with-the-old-one');
    expect(await yard.becomes('with-the-old-one', 'held')).toMatchObject({ cause: 'forbidden', code: 401 });
    await issuer.rotate();
    await mount(await sign());
    await until('the renewed token is shown', async () => {
      await die(`later-${performance.now()}`);
      return (await handled()) > 0;
    });
  });

  it.each([
    ['for another service', { aud: 'urn:tradewind:shop:payment' }, 401],
    ['of somebody else', { sub: 'system:serviceaccount:shop:storefront' }, 403],
    ['of the ledger of another namespace', { sub: 'system:serviceaccount:market:ledger' }, 403],
  ])('is held with a token %s', async (_whose, claims, code) => {
    await mount(await sign(claims));
    await die('one');
    const letter = await yard.becomes('one', 'held');
    expect(letter).toMatchObject({ cause: 'forbidden', code });
    expect(letter.words).toContain('mend the credentials or the policy');
    expect(await handled()).toBe(0);
  });

  it('waits where the token is missing, says so, and goes by itself once it is there', async () => {
    await die('one');
    await until('it was tried', async () => (await yard.letter('one')).cause === 'tokenless');
    const letter = await yard.letter('one');
    expect(letter).toMatchObject({ state: 'waiting', cause: 'tokenless' });
    expect(letter.answer).toContain(
      `no token for inventory: ${join(folder, 'inventory')} is missing or empty`,
    );
    expect(letter.words).toMatch(
      /^There is no token to show to .*, so nothing was sent\. It goes again by itself/,
    );
    expect(issuer.asked.filter(({ path }) => path !== '/.well-known/openid-configuration')).toHaveLength(1);
    await mount(await sign());
    await yard.arrived(['one']);
    expect(await handled()).toBe(1);
  });

  it('is replayed by hand with the same token', async () => {
    await mount(await sign({ sub: 'system:serviceaccount:shop:storefront' }));
    await die('one');
    const { id } = await yard.becomes('one', 'held');
    await mount(await sign());
    const order = (letter: number) =>
      yard.service.call('POST', '/api/replays', {
        staff: true,
        body: { of: 'dead-letters', select: { ids: [letter] }, reason: 'mended', by: 'Ada' },
      });
    await until('the replay has brought it', async () => {
      if ((await yard.letter('one')).outcome === 'replayed') return true;
      await order(id);
      await yard.service.advance(1000);
      return false;
    });
    expect(await handled()).toBe(1);
  });
});

describe('The token of a service', () => {
  it('is shown to no other address, whatever a dead letter names', async () => {
    await mount('secret-of-the-ledger');
    await yard.die('elsewhere');
    await yard.arrived(['elsewhere']);
    expect(yard.subscriber.got.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('is shown to its very origin alone: host and port', () => {
    const tokens = new SubscriberTokens({
      SUBSCRIBER_TOKEN_DIR: folder,
      SUBSCRIBERS: new Map([['inventory', 'http://shop-inventory.shop.svc.cluster.local']]),
    });
    const isNamed = (url: string): boolean => {
      try {
        return Object.keys(tokens.headersFor(new URL(url))).length > 0;
      } catch (error) {
        return (error as Error).message.startsWith('no token for inventory');
      }
    };
    expect(isNamed('http://shop-inventory.shop.svc.cluster.local/events')).toBe(true);
    expect(isNamed('http://shop-inventory.shop.svc.cluster.local:80/events')).toBe(true);
    expect(isNamed('http://shop-inventory.shop.svc.cluster.local:9000/events')).toBe(false);
    expect(isNamed('https://shop-inventory.shop.svc.cluster.local/events')).toBe(false);
    expect(isNamed('http://shop-inventory.evil.svc.cluster.local/events')).toBe(false);
  });

  it('that cannot be read is named with the reason', async () => {
    const path = join(folder, 'inventory');
    await mkdir(path);
    const tokens = new SubscriberTokens({
      SUBSCRIBER_TOKEN_DIR: folder,
      SUBSCRIBERS: new Map([['inventory', 'http://inventory']]),
    });
    expect(tokens.missing()).toEqual([expect.stringMatching(/^no token for inventory: .*EISDIR/)]);
  });

  it('is asked for only where there is a folder of them', () => {
    const tokens = new SubscriberTokens({
      SUBSCRIBER_TOKEN_DIR: undefined,
      SUBSCRIBERS: new Map([['inventory', 'http://inventory']]),
    });
    expect(tokens.headersFor(new URL('http://inventory/events'))).toEqual({});
    expect(tokens.missing()).toEqual([]);
  });
});
