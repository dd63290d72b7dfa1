import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseEvent, toBinary, toStructured, type MessageHeaders } from '../../platform/cloudevents.ts';

const binary = {
  'ce-specversion': '1.0',
  'ce-id': '1',
  'ce-source': '/here',
  'ce-type': 'com.example.happened',
  'content-type': 'application/json',
};
const structured = { specversion: '1.0', id: '1', source: '/here', type: 'com.example.happened' };
const structuredHeaders = { 'content-type': 'application/cloudevents+json; charset=utf-8' };

const parseBinary = (headers: MessageHeaders, body = '{}') =>
  parseEvent({ ...binary, ...headers }, Buffer.from(body));
const parseStructured = (event: unknown) =>
  parseEvent(structuredHeaders, Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)));
const refusedFields = (parse: () => unknown): string[] => {
  try {
    parse();
  } catch (error) {
    expect(error).toMatchObject({ name: 'Problem', status: 400 });
    return (error as { errors: { field: string }[] }).errors.map(({ field }) => field);
  }
  throw new Error('it was accepted');
};

describe('an event in binary mode', () => {
  it('has its attributes from ce- headers, its content type as an attribute, and its data untouched', () => {
    const event = parseBinary({ 'ce-subject': 'a', 'ce-partitionkey': 'k', 'x-other': 'no' }, '{"n": 1.50 }');
    expect(event.attributes).toEqual({
      specversion: '1.0',
      id: '1',
      source: '/here',
      type: 'com.example.happened',
      subject: 'a',
      partitionkey: 'k',
      datacontenttype: 'application/json',
    });
    expect(event.data?.toString()).toBe('{"n": 1.50 }');
  });

  it('may have no data and no content type', () => {
    const event = parseEvent({ ...binary, 'content-type': undefined }, Buffer.alloc(0));
    expect(event.data).toBeUndefined();
    expect(event.attributes).not.toHaveProperty('datacontenttype');
  });

  it('decodes percent-encoded headers, and takes a stray percent sign as it stands', () => {
    const { attributes } = parseBinary({
      'ce-subject': 'Stra%C3%9Fe%2012',
      'ce-note': '100%',
      'ce-x': '%FF',
    });
    expect(attributes).toMatchObject({ subject: 'Straße 12', note: '100%', x: '%FF' });
  });

  it.each<[string, MessageHeaders, string]>([
    ['no specversion', { 'ce-specversion': undefined }, 'ce-specversion'],
    ['an old specversion', { 'ce-specversion': '0.3' }, 'specversion'],
    ['no id', { 'ce-id': undefined }, 'id'],
    ['a blank id', { 'ce-id': ' ' }, 'id'],
    ['no source', { 'ce-source': undefined }, 'source'],
    ['a source with a space', { 'ce-source': 'not a uri' }, 'source'],
    ['no type', { 'ce-type': undefined }, 'type'],
    ['an empty subject', { 'ce-subject': '' }, 'subject'],
    ['a time of day only', { 'ce-time': '10:00' }, 'time'],
    ['a time without a zone', { 'ce-time': '2026-11-24T10:00:00' }, 'time'],
    ['the 30th of February', { 'ce-time': '2026-02-30T10:00:00Z' }, 'time'],
    ['an offset of 99 hours', { 'ce-time': '2026-02-20T10:00:00+99:00' }, 'time'],
    ['a relative dataschema', { 'ce-dataschema': '/schema' }, 'dataschema'],
    ['a content type that is none', { 'content-type': 'json' }, 'datacontenttype'],
    ['an attribute name with a hyphen', { 'ce-my-key': 'x' }, 'my-key'],
    ['an attribute named data', { 'ce-data': 'x' }, 'data'],
    ['a datacontenttype header', { 'ce-datacontenttype': 'text/plain' }, 'ce-datacontenttype'],
    ['an encoded control character', { 'ce-id': 'a%00b' }, 'id'],
    ['an attribute twice', { 'ce-id': ['1', '2'] }, 'ce-id'],
    ['two content types', { 'content-type': ['application/json', 'text/plain'] }, 'content-type'],
  ])('is refused with %s', (_what, headers, field) => {
    expect(refusedFields(() => parseBinary(headers))).toEqual([field]);
  });

  it('names every attribute at fault at once', () => {
    const fields = refusedFields(() => parseBinary({ 'ce-id': '', 'ce-type': '', 'ce-time': 'soon' }));
    expect(fields).toEqual(['id', 'type', 'time']);
  });

  it.each(['2026-11-24T10:00:00Z', '2026-11-24t10:00:00.123456789z', '2028-02-29T23:59:59+05:30'])(
    'may have happened at %s',
    (time) => {
      expect(parseBinary({ 'ce-time': time }).attributes['time']).toBe(time);
    },
  );
});

describe('an event in structured mode', () => {
  it('has its attributes as text and its data as bytes', () => {
    const event = parseStructured({
      ...structured,
      flag: true,
      count: -2147483648,
      gone: null,
      data: { a: [1] },
    });
    expect(event.attributes).toEqual({ ...structured, flag: 'true', count: '-2147483648' });
    expect(event.data?.toString()).toBe('{"a":[1]}');
  });

  it('keeps every digit of a number in its data', () => {
    const data = '{"big":12345678901234567890,"small":[0.1234567890123456789],"huge":1e400,"text":"1e5"}';
    const event = parseStructured(`${JSON.stringify(structured).slice(0, -1)},"data":${data}}`);
    expect(event.data?.toString()).toBe(data);
  });

  it('has base64 data decoded, and text data as its bytes', () => {
    expect(parseStructured({ ...structured, data_base64: 'AP8=' }).data).toEqual(Buffer.from([0, 255]));
    const text = parseStructured({ ...structured, datacontenttype: 'text/plain', data: 'Straße' });
    expect(text.data?.toString()).toBe('Straße');
  });

  it.each<[string, unknown, string]>([
    ['broken JSON', '{"specversion":', 'body'],
    ['a list', [structured], 'body'],
    ['a number', '1', 'body'],
    ['no id', { ...structured, id: undefined }, 'id'],
    ['a number as id', { ...structured, id: 5 }, 'id'],
    ['a number as specversion', { ...structured, specversion: 1 }, 'specversion'],
    ['an object as attribute', { ...structured, thing: {} }, 'thing'],
    ['a fraction as attribute', { ...structured, ratio: 1.5 }, 'ratio'],
    ['a number beyond 32 bits', { ...structured, count: 2147483648 }, 'count'],
    ['an upper-case attribute name', { ...structured, partitionKey: 'x' }, 'partitionKey'],
    ['a lone surrogate', { ...structured, id: '\ud800' }, 'id'],
    ['a line break in an attribute', { ...structured, type: 'a\nb' }, 'type'],
    ['data twice', { ...structured, data: 1, data_base64: 'AA==' }, 'data_base64'],
    ['base64 that is none', { ...structured, data_base64: '!' }, 'data_base64'],
    ['an object as text', { ...structured, datacontenttype: 'text/plain', data: {} }, 'data'],
    [
      'a content type no header can carry',
      { ...structured, datacontenttype: 'a/b; c=日' },
      'datacontenttype',
    ],
  ])('is refused with %s', (_what, event, field) => {
    expect(refusedFields(() => parseStructured(event))).toEqual([field]);
  });

  it('is refused when it is not UTF-8', () => {
    const body = Buffer.from(JSON.stringify({ ...structured, id: 'ÿ' }), 'latin1');
    expect(refusedFields(() => parseEvent(structuredHeaders, body))).toEqual(['body']);
  });

  it.each(['application/cloudevents-batch+json', 'application/cloudevents+avro', 'application/cloudevents'])(
    'is refused as %s',
    (type) => {
      expect(refusedFields(() => parseEvent({ 'content-type': type }, Buffer.from('[]')))).toEqual([
        'content-type',
      ]);
    },
  );
});

describe('writing an event', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter(
    // oxlint-disable-next-line no-control-regex -- attributes must not have control characters
    (value) => value.trim() !== '' && !/[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff]/.test(value),
  );
  const events = fc.record({
    attributes: fc.record({ id: text, type: text, subject: text, anything: text }).map((attributes) => ({
      specversion: '1.0',
      source: '/here',
      datacontenttype: 'application/json',
      ...attributes,
    })),
    data: fc.json().map((json) => Buffer.from(JSON.stringify(JSON.parse(json)))),
  });

  it('in binary mode loses nothing', () => {
    fc.assert(
      fc.property(events, (event) => {
        const { headers, body } = toBinary(event);
        for (const value of Object.values(headers)) expect(value).toMatch(/^[ -~]*$/);
        expect(parseEvent(headers, body)).toEqual(event);
      }),
    );
  });

  it('in structured mode loses nothing', () => {
    fc.assert(
      fc.property(events, (event) => {
        const { headers, body } = toStructured(event);
        expect(parseEvent(headers, body)).toEqual(event);
      }),
    );
  });

  it.each([
    ['JSON that is broken', 'application/json', Buffer.from('{')],
    ['bytes', 'application/octet-stream', Buffer.from([0, 255])],
    ['text that is not UTF-8', 'text/plain', Buffer.from([255])],
    ['text', 'text/plain', Buffer.from('Straße')],
    ['a big number', 'application/json', Buffer.from('12345678901234567890')],
  ])('in structured mode carries %s', (_what, datacontenttype, data) => {
    const event = { attributes: { ...structured, datacontenttype }, data };
    const { headers, body } = toStructured(event);
    expect(parseEvent(headers, body)).toEqual(event);
  });
});
