import { describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../events/order.ts';
import { inventory } from '../../services/inventory/service.ts';
import { TestIssuer } from '../support/issuer.ts';
import { startTestService } from '../support/service.ts';

const json = { 'content-type': 'application/json' };
const binary = {
  ...json,
  'ce-specversion': '1.0',
  'ce-id': '1',
  'ce-source': orderPlaced.source,
  'ce-type': orderPlaced.type,
};
const example = orderPlaced.example;

describe('POISON_STATUS', () => {
  it.each([
    ['data that breaks its schema', binary, { ...example, shippingFee: 0 }, 500],
    ['what is no CloudEvent', json, example, 500],
    ['a good event', binary, example, 204],
  ])('is the answer to what can never be handled: %s', async (_what, headers, body, status) => {
    await using shop = await startTestService(inventory, { POISON_STATUS: '500' });
    const options = { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await fetch(`${shop.service.url}/events`, options);
    expect([response.status, await response.text()]).toEqual([
      status,
      status === 204 ? '' : expect.stringMatching(/"status":500.*"errors":\[\{"field"/),
    ]);
  });

  it.each([
    ['no token', undefined, 401, 'Not authenticated'],
    ['a token for others', { sub: 'trigger', aud: 'others' }, 401, 'Not authenticated'],
    ['somebody else’s token', { sub: 'stranger', aud: 'inventory' }, 403, 'Not allowed'],
  ])(
    'is the answer to %s, too: a class that drops a 4xx would lose the event',
    async (_what, claims, was, title) => {
      await using issuer = await TestIssuer.open();
      const oidc = { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: 'inventory', OIDC_SUBJECTS: 'trigger' };
      const authorization = claims && { authorization: `Bearer ${await issuer.sign(claims)}` };
      const ask = async (more: Record<string, string>) => {
        await using shop = await startTestService(inventory, { ...oidc, ...more });
        const response = await fetch(`${shop.service.url}/events`, {
          method: 'POST',
          headers: { ...binary, ...authorization },
          body: JSON.stringify(example),
        });
        const { values } = await shop.service.metrics.events.get();
        const outcomes = values.map(({ labels }) => labels.outcome);
        return { status: response.status, outcomes, ...((await response.json()) as { title: string }) };
      };
      expect(await ask({})).toMatchObject({ status: was, title, outcomes: [`refused_${was}`] });
      // The log, the metrics and the dead letter still say what it was.
      expect(await ask({ POISON_STATUS: '500' })).toMatchObject({
        status: 500,
        title,
        outcomes: [`refused_${was}`],
      });
    },
  );
});
