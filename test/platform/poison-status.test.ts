import { describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../events/order.ts';
import { inventory } from '../../services/inventory/service.ts';
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
});
