import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { everythingIn } from '../../support/books.ts';
import { Archivist, confidential, exampleOf, internal } from './archivist.ts';

describe('the archive', () => {
  let archivist: Archivist;
  beforeEach(async () => {
    archivist = await Archivist.open();
  });
  afterEach(() => archivist[Symbol.asyncDispose]());

  const shown = async (id: string, query = '') => (await archivist.get(`/api/events/${id}${query}`)).body;

  it.each(internal.map((contract) => [contract.name, contract] as const))(
    'keeps %s as it was',
    async (_name, contract) => {
      const { attributes, data } = exampleOf(contract);
      await archivist.keep(attributes, data);
      const id = attributes['id'] ?? '';
      expect(await shown(id)).toMatchObject({ attributes, data: contract.example, arrivals: 1 });
    },
  );

  it('keeps what is in no vocabulary, with any data or none', async () => {
    const bytes = Buffer.from([0, 255, 254, 10, 128]);
    const type = 'com.example.x';
    const attributes = { type, datacontenttype: 'image/png', empty: '', subject: 'Größe, "quoted" & 100 %' };
    const binary = await archivist.keep(attributes, bytes);
    expect(await shown(binary)).toMatchObject({ attributes, dataBase64: bytes.toString('base64') });
    const nothing = await archivist.keep({}, '');
    expect(Object.keys(await shown(nothing)).filter((name) => name.startsWith('data'))).toEqual([]);
    const text = await archivist.keep({ datacontenttype: 'text/plain' }, 'Zeile 1\r\n\tZeile 2\n');
    expect((await shown(text)).dataText).toBe('Zeile 1\r\n\tZeile 2\n');
  });

  it('keeps what came in structured mode, and every digit of its numbers', async () => {
    const event = `{"specversion":"1.0","id":"s","source":"/s","type":"t","dataclassification":"internal","sequence":7,
      "data":{"amount":12345678901234567890.10}}`;
    const headers = { 'content-type': 'application/cloudevents+json' };
    expect((await archivist.service.call('POST', '/events', { body: event, headers })).status).toBe(204);
    const url = `${archivist.url}/api/events/s`;
    const authorization = 'Bearer staff-token-for-tests';
    const text = await (await fetch(url, { headers: { authorization } })).text();
    expect(text).toContain('"amount":12345678901234567890.10');
    expect(JSON.parse(text).attributes.sequence).toBe('7');
  });

  it('keeps an event once, and counts how often it came', async () => {
    const copies = Array.from({ length: 50 }, () => archivist.deliver({ id: 'same' }, '{"n":1}'));
    expect(new Set(await Promise.all(copies))).toEqual(new Set([204]));
    await archivist.keep({ id: 'same', type: 'another' }, '{"n":2}');
    await archivist.keep({ id: 'same', source: '/elsewhere' });
    const { items } = (await archivist.get('/api/events')).body;
    expect(items).toMatchObject([
      { id: 'same', source: '/elsewhere', arrivals: 1 },
      { id: 'same', source: '/test', arrivals: 51, type: 'test.happened.v1' },
    ]);
    expect((await shown('same', '?source=/test')).data).toEqual({ n: 1 });
  });

  it('goes on after a restart, knowing what it has', async () => {
    await archivist.keep({ id: 'old' });
    await archivist.service.restart();
    await archivist.keep({ id: 'new' });
    await archivist.keep({ id: 'old' });
    const { items } = (await archivist.get('/api/events')).body;
    expect(items).toMatchObject([
      { id: 'new', seq: 2 },
      { id: 'old', seq: 1, arrivals: 2 },
    ]);
  });

  it('counts what it keeps, and how much that is', async () => {
    await archivist.keep({ id: 'a' }, '{"n":"ü"}');
    await archivist.keep({ id: 'b' }, '{}');
    await archivist.keep({ id: 'b' }, '{}');
    const { items } = (await archivist.get('/api/events')).body;
    const bytes = items.reduce((sum: number, { size }: { size: number }) => sum + size, 0);
    const attributes = JSON.stringify((await shown('a')).attributes);
    expect(items[1].size).toBe(Buffer.byteLength(attributes) + Buffer.byteLength('{"n":"ü"}'));
    const { body } = await archivist.get('/metrics');
    expect(body).toContain('tradewind_ledger_kept_total{service="ledger"} 2');
    expect(body).toContain(`tradewind_ledger_store_bytes{service="ledger"} ${bytes}`);
    expect(body).toContain('outcome="duplicate",service="ledger"} 1');
  });

  it('keeps what has longer names than an index takes', async () => {
    const long = 'x'.repeat(3000);
    await archivist.keep({ id: 'long', type: long, subject: long, correlationid: long });
    expect((await shown('long')).attributes).toMatchObject({
      type: long,
      subject: long,
      correlationid: long,
    });
  });

  it.each([
    ['without a label', { dataclassification: '' }],
    ['labelled confidential', { dataclassification: 'confidential' }],
    ['labelled in other letters', { dataclassification: 'Internal' }],
  ])('takes and does not keep what is %s', async (_what, attributes) => {
    expect(await archivist.deliver(attributes)).toBe(204);
    expect(await archivist.ids()).toEqual([]);
  });

  describe('of what is confidential by its type, whatever its label says,', () => {
    const variants = confidential.flatMap((contract) => {
      const { attributes, data } = exampleOf(contract);
      const { type } = contract;
      return [
        [contract.name, { ...attributes, dataclassification: 'internal' }, data],
        [`${contract.name} in another version`, { ...attributes, type: type.replace(/1$/, '27') }, data],
        [`${contract.name} in capitals`, { ...attributes, type: type.toUpperCase() }, data],
        [`${contract.name} without what tells it apart`, { ...attributes, change: 'else' }, data],
      ] as [string, Record<string, string>, string][];
    });

    it.each(variants)('keeps nothing of %s', async (_name, attributes, data) => {
      expect(await archivist.deliver({ ...attributes, dataclassification: 'internal' }, data)).toBe(204);
      expect(await archivist.ids()).toEqual([]);
      expect((await archivist.get('/metrics')).body).toContain('outcome="ignored",service="ledger"} 1');
      expect(await everythingIn(archivist.service.data, 'ledger')).not.toMatch(/Lindqvist|20457|ada@example/);
    });
  });
});
