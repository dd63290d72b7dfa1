import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findLetter, type Letter } from '../../../services/ledger/letters.ts';
import { everythingIn } from '../../support/books.ts';
import { connectTo } from '../../support/raw.ts';
import { until } from '../../support/until.ts';
import { openGraveyard, TYPE, type Graveyard } from './graveyard.ts';

const MIB = 1024 * 1024;
const person = { code: '422', answer: '{"detail":"no"}' };

let yard: Graveyard;

beforeAll(async () => {
  yard = await openGraveyard({ MAX_DEAD_LETTER_BYTES: String(MIB) });
});

afterAll(async () => {
  await yard[Symbol.asyncDispose]();
});

/** Posts anything. @returns the answer and the letter that came of it */
async function post(headers: Record<string, string>, body: string | Uint8Array = '') {
  const response = await fetch(`${yard.service.service.url}/dead-letters`, {
    method: 'POST',
    headers,
    body: body as string,
  });
  const answer = { status: response.status, body: await response.text(), headers: response.headers };
  return { ...answer, letter: await newest() };
}

async function newest(): Promise<Letter> {
  const { read } = yard.service.service.store;
  const row = await read.get<{ seq: number }>('select max(seq) as seq from dead_letters');
  const letter = await findLetter(read, row?.seq ?? 0);
  if (!letter) throw new Error('there is no letter');
  return letter;
}

const binary = {
  'ce-specversion': '1.0',
  'ce-source': '/stranger',
  'ce-type': 'weather.changed',
  'ce-knativeerrordest': 'http://forecast.default.svc.cluster.local/',
  'ce-knativeerrorcode': '422',
};

describe('The door for dead letters', () => {
  it('takes an event in binary mode, with attributes and data as they are', async () => {
    const answer = await post(
      { ...binary, 'ce-id': 'a', 'ce-subject': 'M%C3%BCnchen', 'ce-dataclassification': 'internal' },
      new Uint8Array([0, 255, 10]),
    );
    expect(answer).toMatchObject({ status: 204, body: '' });
    expect(answer.letter).toMatchObject({
      id: 'a',
      source: '/stranger',
      type: 'weather.changed',
      subject: 'München',
      classification: 'internal',
      cause: 'refused',
      state: 'held',
    });
    expect(answer.letter.body).toEqual(Buffer.from([0, 255, 10]));
  });

  it('takes an event in structured mode, every digit of it', async () => {
    const event = { specversion: '1.0', id: 'b', source: '/stranger', type: TYPE, knativeerrorcode: '401' };
    const body = JSON.stringify({ ...event, data: 'DATA' }).replace('"DATA"', '{"n":10000000000000000001}');
    const { status, letter } = await post({ 'content-type': 'application/cloudevents+json' }, body);
    expect(status).toBe(204);
    expect(letter).toMatchObject({ id: 'b', cause: 'forbidden', subscriber: '' });
    expect(letter.body?.toString()).toBe('{"n":10000000000000000001}');
  });

  it.each([
    ['text', { 'content-type': 'text/plain; charset=utf-8' }, 'hello'],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=b'],
    ['broken JSON', { 'content-type': 'application/cloudevents+json' }, '{"specversion":"1.0"'],
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, '[]'],
    ['nothing at all', {}, ''],
  ])('keeps what is no CloudEvent as it is: %s', async (_name, headers, body) => {
    const { status, letter } = await post(headers, body);
    expect(status).toBe(204);
    expect(letter).toMatchObject({
      cause: 'unreadable',
      state: 'held',
      id: null,
      classification: 'confidential',
    });
    expect(letter.attributes).toBeUndefined();
    expect(letter.event()).toBeUndefined();
    expect(letter.body?.toString()).toBe(body);
    expect(letter.headers?.['content-type'] ?? '').toContain(Object.values(headers)[0] ?? '');
  });

  it('keeps an event that breaks the rules with all it said, and tells two of them apart', async () => {
    const old = { ...binary, 'ce-specversion': '0.3' };
    const first = await post({ ...old, 'ce-id': 'c' });
    const second = await post({ ...old, 'ce-id': 'd' });
    expect(second.letter.seq).toBeGreaterThan(first.letter.seq);
    expect(second.letter.headers).toMatchObject({ 'ce-id': 'd', 'ce-specversion': '0.3' });
  });

  it('knows what it has, whatever came of it since', async () => {
    const headers = { 'content-type': 'text/plain' };
    const { letter } = await post(headers, 'the same');
    const again = await post(headers, 'the same');
    expect(again.letter).toMatchObject({ seq: letter.seq, arrivals: 2 });
    await yard.die('e', { error: person });
    await yard.die('e', { error: { ...person, dest: 'http://other.default.svc/events' } });
    await yard.die('e', { error: { ...person, code: '400' } });
    const { read } = yard.service.service.store;
    const rows = await read.all('select arrivals, code from dead_letters where id = $1 order by seq', 'e');
    expect(rows).toEqual([
      { arrivals: 2, code: 400 },
      { arrivals: 1, code: 422 },
    ]);
  });

  it.each([
    ['without a label', {}],
    ['with another label', { dataclassification: 'Internal' }],
    [
      'of a type that is, whatever its label',
      { type: 'shop.tradewind.order.addressed.v2', dataclassification: 'internal' },
    ],
  ])('takes an event for confidential: %s', async (name, attributes) => {
    await post({ ...binary, 'ce-id': name, ...prefixed(attributes) });
    expect(await newest()).toMatchObject({ id: name, classification: 'confidential' });
  });

  it('cuts what is looked up to what an index takes, and sends nothing to a cut address', async () => {
    const dest = `${yard.subscriber.url}/${'x'.repeat(600)}`;
    const { letter } = await post({
      ...binary,
      'ce-id': 'long',
      'ce-type': 'ü'.repeat(600).replaceAll('ü', '%C3%BC'),
      'ce-knativeerrordest': dest,
      'ce-knativeerrorcode': '503',
    });
    expect(letter).toMatchObject({ state: 'held', type: 'ü'.repeat(256) });
    expect(letter.attributes?.['type']).toBe('ü'.repeat(600));
    expect(letter.subscriber).toHaveLength(512);
  });

  it('keeps no credentials', async () => {
    const secret = 'Bearer eyJhbGciOiJSUzI1NiJ9.stolen';
    await post({ ...binary, 'ce-id': 'f', authorization: secret });
    await post({ 'content-type': 'text/plain', authorization: secret }, 'with credentials');
    expect(await everythingIn(yard.service.data, 'ledger')).not.toContain('stolen');
  });

  it('takes what is as long as may be, and says 413 to more', async () => {
    expect((await post({ 'content-type': 'text/plain' }, 'x'.repeat(MIB))).status).toBe(204);
    expect((await post({ 'content-type': 'text/plain' }, 'x'.repeat(MIB + 1))).status).toBe(413);
  });

  it('says 503 to more than it can hold at once, and takes it later', async () => {
    const open = await Promise.all([1, 2].map(() => connectTo(yard.service.service.url)));
    const head = `POST /dead-letters HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: ${MIB}\r\n\r\n`;
    for (const { send } of open) send(`${head}beginning`);
    let refused: Awaited<ReturnType<typeof post>> | undefined;
    await until('there is no room', async () => {
      refused = await post({ 'content-type': 'text/plain' }, 'one too many');
      return refused.status === 503;
    });
    expect(refused?.headers.get('retry-after')).toBe('1');
    for (const { socket } of open) socket.destroy();
    await until('there is room again', async () => {
      return (await post({ 'content-type': 'text/plain' }, 'one too many')).status === 204;
    });
  });

  it('says 503 while its database takes nothing', async () => {
    await using other = await openGraveyard();
    await other.service.service.store.close();
    expect(await other.die('1')).toBe(503);
  });
});

function prefixed(attributes: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));
}
