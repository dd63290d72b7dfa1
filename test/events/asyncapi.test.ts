import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import specs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { vocabulary } from '../../events/index.ts';
import { root } from '../support/root.ts';

interface Operation {
  readonly action: string;
  readonly messages: readonly { readonly $ref: string }[];
}

interface Message {
  readonly headers: object;
  readonly payload: object;
  readonly examples: readonly { readonly headers: unknown; readonly payload: unknown }[];
}

interface Document {
  readonly operations: Readonly<Record<string, Operation>>;
  readonly components: { readonly messages: Readonly<Record<string, Message>> };
}

const document = parse(readFileSync(join(root, 'docs/asyncapi.yaml'), 'utf8')) as Document;
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats.default(ajv);

describe('the AsyncAPI document', () => {
  it('is valid AsyncAPI 3.0, and another is not', () => {
    const schema: object = specs.schemasWithoutId['3.0.0'];
    const validate = ajv.compile(schema);
    expect([validate(document), validate.errors]).toEqual([true, null]);
    expect(validate({ ...document, operations: { 'storefront.send': { action: 'publish' } } })).toBe(false);
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(
      ([, path = '']) => path,
    );
    expect(references.length).toBeGreaterThan(vocabulary.length);
    expect(references.filter((path) => lookUp(path.split('/')) === undefined)).toEqual([]);
  });

  it('has every event sent by its emitter', () => {
    const sent = Object.entries(document.operations)
      .filter(([, { action }]) => action === 'send')
      .flatMap(([name, { messages }]) =>
        messages.map(({ $ref }) => `${name} ${$ref.split('/').at(-1) ?? ''}`),
      );
    const expected = vocabulary.map(({ emitter, name }) => `${emitter}.send ${name.replace('/', '.')}`);
    expect(sent.toSorted()).toEqual(expected.toSorted());
  });

  it.each(Object.entries(document.components.messages))(
    'has an example of %s that fits',
    (_name, message) => {
      for (const { headers, payload } of message.examples) {
        expect([ajv.validate(message.headers, headers), ajv.errors]).toEqual([true, null]);
        expect([ajv.validate(message.payload, payload), ajv.errors]).toEqual([true, null]);
      }
      expect(message.examples).toHaveLength(1);
    },
  );
});

function lookUp(path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    document,
  );
}
