import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestIssuer } from '../../support/issuer.ts';
import { openDesk } from './desk.ts';
import { openGraveyard, type Graveyard } from './graveyard.ts';

const AUDIENCE = 'urn:tradewind:shop:ledger';
const TRIGGER = 'system:serviceaccount:shop:payment-order-placed-oidc-eventing.knative.dev-trigger';

let yard: Graveyard | undefined;
afterEach(async () => {
  await yard?.[Symbol.asyncDispose]();
  yard = undefined;
});

async function bring(authorization?: string): Promise<number> {
  const response = await fetch(`${yard?.service.service.url}/dead-letters`, {
    method: 'POST',
    headers: authorization === undefined ? {} : { authorization },
    body: 'whatever it is',
  });
  await response.arrayBuffer();
  return response.status;
}

async function kept(): Promise<unknown> {
  return yard?.service.service.store.read.all('select seq from dead_letters');
}

describe('The door for dead letters', () => {
  it('asks who brings them, when the settings say so', async () => {
    await using issuer = await TestIssuer.open();
    yard = await openGraveyard({
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: AUDIENCE,
      OIDC_SUBJECTS: `${TRIGGER},system:serviceaccount:shop:other`,
    });
    const bearer = async (sub: string, aud: string): Promise<string> =>
      `Bearer ${await issuer.sign({ sub, aud })}`;
    expect(await bring()).toBe(401);
    expect(await bring(await bearer(TRIGGER, 'mt-broker-filter'))).toBe(401);
    expect(await bring(await bearer('system:serviceaccount:market:thief', AUDIENCE))).toBe(403);
    expect(await kept()).toEqual([]);
    expect(await bring(await bearer(TRIGGER, AUDIENCE))).toBe(204);
    expect(await kept()).toHaveLength(1);
  });

  it('takes them with whatever token else, which Knative shows a sink without an audience', async () => {
    yard = await openGraveyard();
    expect(await bring('Bearer meant.for.mt-broker-filter')).toBe(204);
    expect(await kept()).toHaveLength(1);
  });
});

describe('The token of the SinkBinding', () => {
  it('is shown to the broker by a letter that goes again, and to nobody else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tradewind-ledger-'));
    const path = join(folder, 'token');
    await writeFile(path, 'of-the-binding');
    yard = await openGraveyard({ OIDC_SINK_TOKEN_FILE: path });
    await yard.die('to-the-broker', { error: undefined });
    await yard.die('to-the-subscriber');
    await yard.arrived(['to-the-broker', 'to-the-subscriber']);
    expect(yard.broker.got.map(({ headers }) => headers.authorization)).toEqual(['Bearer of-the-binding']);
    expect(yard.subscriber.got.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    await rm(folder, { recursive: true });
  });

  it('is what a replay through the broker shows, too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tradewind-ledger-'));
    const path = join(folder, 'token');
    await writeFile(path, 'of-the-binding');
    await using desk = await openDesk({ OIDC_SINK_TOKEN_FILE: path });
    await desk.keepAll('a', 'b');
    await desk.finish(await desk.replay({ of: 'events', to: 'broker', select: { all: true } }));
    expect(desk.broker.ids().toSorted()).toEqual(['a', 'b']);
    const shown = desk.broker.got.map(({ headers }) => headers.authorization);
    expect(new Set(shown)).toEqual(new Set(['Bearer of-the-binding']));
    await rm(folder, { recursive: true });
  });
});
