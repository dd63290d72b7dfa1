import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { vocabulary } from '../../events/index.ts';
import type { EventContract } from '../../platform/contract.ts';
import { schemaFile } from '../../scripts/generate/json-schema.ts';
import { root } from '../support/root.ts';

const ajv = new Ajv2020({ allErrors: true });
addFormats.default(ajv);

describe.each(vocabulary.map((contract) => [contract.name, contract] as const))(
  'the JSON Schema of %s',
  (_name, contract) => {
    const validate = compile(contract);
    const verdict = (data: unknown): boolean => validate(data);

    it('accepts the example, and fields that it does not know', () => {
      expect([verdict(contract.example), validate.errors]).toEqual([true, null]);
      expect(verdict({ ...contract.example, later: 'addition' })).toBe(true);
    });

    it.each(Object.keys(contract.example))('refuses data without %s, or with null for it', (field) => {
      const { [field]: _, ...rest } = contract.example;
      expect(verdict(rest)).toBe(false);
      expect(verdict({ ...contract.example, [field]: null })).toBe(false);
    });

    it('names the event as its dataschema does', () => {
      expect(validate.schema).toMatchObject({ $id: contract.dataschema, title: contract.name });
    });
  },
);

describe('the rules that matter most', () => {
  it.each([
    ['order.placed', { total: { amount: 54.7, currency: 'EUR' } }],
    ['order.placed', { total: { amount: 5470, currency: 'euro' } }],
    ['order.placed', { lines: [] }],
    ...['', 'a\u0000', 'x'.repeat(57)].map((orderId): [string, object] => ['order.placed', { orderId }]),
    ['shipment.prepared', { shipmentId: '' }],
    ['payment.captured', { paymentId: 'x'.repeat(65) }],
    ['order.placed', { paymentToken: '4242424242424242' }],
    ['order.placed', { paymentToken: 'tok_4242 4242 4242 4242' }],
    ['order.placed', { paymentToken: 'tok_\n4242-4242-4242-4242' }],
    ['order.placed', { placedAt: '2026-11-24T10:30:00+01:00' }],
    ['order.addressed', { revision: 0 }],
    ['payment.authorized', { last4: '4242424242424242' }],
    ['shipment.cancelled', { reason: 'because' }],
  ])('%s refuses %j', (name, change) => {
    const contract = vocabulary.find((each) => each.name === name);
    const data = { ...contract?.example, ...change };
    expect(contract?.schema.safeParse(data).success).toBe(false);
    expect(contract && compile(contract)(data)).toBe(false);
  });
});

function compile(contract: EventContract): ValidateFunction {
  const known = ajv.getSchema(contract.dataschema);
  if (known) return known;
  const text = readFileSync(join(root, 'docs/events', schemaFile(contract)), 'utf8');
  return ajv.compile(JSON.parse(text) as object);
}
