import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { vocabulary } from '../../events/index.ts';
import { address, contact } from '../../events/shapes.ts';
import { parseEvent, toBinary } from '../../platform/cloudevents.ts';
import { toCloudEvent } from '../../platform/emit.ts';

const events = vocabulary.map((contract) => [contract.name, contract] as const);

describe('the vocabulary', () => {
  it('names every event once, and tells all of one type apart by attributes', () => {
    const names = vocabulary.map(({ name }) => name);
    const wires = vocabulary.map(({ type, attributes }) => JSON.stringify([type, attributes]));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(wires).size).toBe(wires.length);
    expect(new Set(vocabulary.map(({ dataschema }) => dataschema)).size).toBe(names.length);
    const types = new Set(vocabulary.map(({ type }) => type));
    for (const type of types) {
      const sharing = vocabulary.filter((contract) => contract.type === type);
      if (sharing.length > 1)
        expect(sharing.map((each) => Object.keys(each.attributes).length)).not.toContain(0);
    }
  });
});

describe.each(events)('%s', (name, contract) => {
  it('has a type, a source and a dataschema as the rules say', () => {
    const [noun = '', change] = name.split('/');
    expect(contract.type).toBe(`shop.tradewind.${noun}.v${contract.version}`);
    expect(noun).toMatch(/^[a-z]+\.[a-z]+$/);
    expect(contract.attributes).toEqual(change === undefined ? {} : { change });
    expect(contract.source).toBe(`/tradewind/${contract.emitter}`);
    expect(contract.dataschema).toBe(`urn:tradewind:event:${name.replace('/', ':')}:v${contract.version}`);
    expect(contract.summary).toMatch(/^[A-Z].+\.$/);
  });

  it('has an example that is what its schema makes of it', () => {
    expect(contract.schema.parse(contract.example)).toEqual(contract.example);
  });

  it('travels as a CloudEvent that a receiver takes', () => {
    const event = JSON.parse(
      JSON.stringify(toCloudEvent(contract, contract.example, {}, new Date())),
    ) as Record<string, unknown>;
    const { data, ...attributes } = event as Record<string, string>;
    const { headers, body } = toBinary({ attributes, data: Buffer.from(JSON.stringify(data)) });
    expect(parseEvent(headers, body).attributes).toEqual(attributes);
    expect(attributes).toMatchObject({
      partitionkey: expect.stringMatching(/./),
      correlationid: expect.stringMatching(/./),
      subject: expect.stringMatching(/./),
      dataclassification: contract.classification,
    });
  });

  it('is confidential if it carries an address or a contact, and else internal', () => {
    const text = JSON.stringify(z.toJSONSchema(contract.schema, { io: 'input' }));
    const personal = [...Object.keys(address.shape), ...Object.keys(contact.shape), 'phone'].filter(
      (field) => field !== 'name' && text.includes(`"${field}":`),
    );
    expect(contract.classification).toBe(personal.length > 0 ? 'confidential' : 'internal');
  });

  it('has a revision in its sequence where it has one in its data', () => {
    const { sequence } = contract.route;
    const { revision } = contract.example;
    expect(sequence?.(contract.example)).toBe(revision);
  });
});
