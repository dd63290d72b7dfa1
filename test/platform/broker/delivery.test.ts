import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  lettersAt,
  manifests,
  SINK,
  startTestBroker,
  triggerFor,
  type TestBroker,
} from '../../support/broker.ts';
import { openReceiver, status, type Receiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const FAST = `{ retry: 2, backoffPolicy: linear, backoffDelay: PT0.01S, ${SINK} }`;
const SLOW = '{ retry: 5, backoffPolicy: exponential, backoffDelay: PT30S }';

describe('delivery', () => {
  let receiver: Receiver;
  let sink: Receiver;
  const open: TestBroker[] = [];
  beforeEach(async () => {
    [receiver, sink] = await Promise.all([openReceiver(), openReceiver()]);
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
    await Promise.all([receiver.leave(), sink.leave()]);
  });

  async function start(delivery: string, triggers: Record<string, string>): Promise<TestBroker> {
    const broker = await startTestBroker(manifests(delivery, triggers), {
      alpha: receiver.url,
      ledger: sink.url,
    });
    open.push(broker);
    return broker;
  }

  it('brings an event to the subscriber as Knative does, to the header', async () => {
    const shop = await start(FAST, { all: triggerFor('alpha') });
    const { status: code, body } = await shop.post({ subject: 'größe 1', extra: 'x' }, { a: 1 });
    expect([code, body]).toEqual([202, '']);
    await until('the event arrived', () => receiver.got.length === 1);
    const [got] = receiver.got;
    expect(got).toMatchObject({ path: '/events', body: '{"a":1}' });
    expect(got?.headers).toMatchObject({
      'ce-specversion': '1.0',
      'ce-id': 'e1',
      'ce-source': '/test',
      'ce-type': 'test.happened.v1',
      'ce-subject': 'gr%C3%B6%C3%9Fe%201',
      'ce-extra': 'x',
      'content-type': 'application/json',
      prefer: 'reply',
      'kn-namespace': 'default',
      'ce-knativearrivaltime': expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    expect(got?.headers).not.toHaveProperty('ce-knativebrokerttl');
  });

  it('gives an event to every Trigger that wants it and to no other', async () => {
    const shop = await start(FAST, {
      exact: triggerFor('alpha', { type: 'test.happened.v1', change: 'address' }),
      present: triggerFor('ledger', { change: '' }),
      other: triggerFor('alpha', { type: 'test.happened.v2' }),
    });
    await shop.post({ id: 'plain' });
    await shop.post({ id: 'address', change: 'address' });
    await shop.post({ id: 'contact', change: 'contact' });
    await until('all is delivered', () => shop.broker.idle());
    expect(receiver.ids()).toEqual(['address']);
    expect(sink.ids().toSorted()).toEqual(['address', 'contact']);
  });

  it.each([500, 503, 404, 408, 409, 429])('tries again after a %i', async (code) => {
    const shop = await start(FAST, { all: triggerFor('alpha') });
    receiver.answer = (_got, response) => void response.writeHead(receiver.got.length < 3 ? code : 204).end();
    await shop.post({});
    await until('it was delivered', () => shop.broker.idle());
    expect(receiver.got.length).toBeGreaterThanOrEqual(3);
    expect(sink.got).toEqual([]);
  });

  it.each([400, 401, 403, 410, 413, 415, 422, 302])('does not try again after a %i', async (code) => {
    const shop = await start(FAST, { all: triggerFor('alpha') });
    receiver.answer = status(code, '{"title":"no"}', { location: `${sink.url}/elsewhere` });
    await shop.post({ subject: 'order-1' });
    await until('it is a dead letter', () => sink.got.length === 1);
    expect(receiver.got).toHaveLength(1);
    expect(sink.got).toMatchObject([
      {
        path: '/dead-letters',
        headers: { 'ce-id': 'e1', 'ce-subject': 'order-1', 'ce-knativeerrorcode': String(code) },
      },
    ]);
  });

  it('takes a text body with a 200 for a failure, as Knative does', async () => {
    const shop = await start(FAST, { all: triggerFor('alpha') });
    receiver.answer = status(200, 'OK', { 'content-type': 'text/plain' });
    await shop.post({});
    await until('it is a dead letter', () => sink.got.length === 1);
    expect(receiver.got).toHaveLength(3);
    expect(sink.got[0]?.headers).toMatchObject({
      'ce-knativeerrorcode': '502',
      'ce-knativeerrordata': Buffer.from('OK').toString('base64'),
    });
  });

  it('tries each attempt for as long as the timeout says', async () => {
    const shop = await start(`{ retry: 0, timeout: PT0.2S, ${SINK} }`, { all: triggerFor('alpha') });
    // Bytes that keep dripping are no answer either.
    receiver.answer = (_got, response) => {
      response.writeHead(200, { 'ce-specversion': '1.0' });
      const drip = setInterval(() => response.write('x'), 20);
      response.once('close', () => clearInterval(drip));
    };
    await shop.post({});
    await until('it is a dead letter', () => sink.got.length === 1, 2000);
    expect(sink.got[0]?.headers).toMatchObject({ 'ce-knativeerrorcode': '500' });
  });

  it('wakes what waits when a subscriber comes back, whatever the backoff had reached', async () => {
    const shop = await start(SLOW, { all: triggerFor('alpha') });
    await receiver.leave();
    for (let n = 0; n < 50; n += 1) await shop.post({ id: `e${n}` });
    await until('the first attempts failed', async () => (await shop.attempts()) >= 50);
    await receiver.comeBack();
    const back = performance.now();
    await until('all have arrived', () => new Set(receiver.ids()).size === 50);
    expect(performance.now() - back).toBeLessThan(2000);
  });

  it('keeps the order of a partition key where the Trigger asks for it, and holds up no other key', async () => {
    const yaml = manifests(FAST, { all: triggerFor('alpha') }).replace(
      'metadata: { name: all }',
      `metadata: { name: all, annotations: { 'kafka.eventing.knative.dev/delivery.order': ordered } }`,
    );
    const shop = await startTestBroker(yaml, { alpha: receiver.url });
    open.push(shop);
    const answered: string[] = [];
    const overtaken: string[] = [];
    receiver.answer = (got, response) => {
      const id = String(got.headers['ce-id']);
      const [, key = '', number = ''] = /^([a-z]+)(\d+)$/.exec(id) ?? [];
      if (number !== '0' && !answered.includes(`${key}${Number(number) - 1}`)) overtaken.push(id);
      const isFirst = receiver.ids().filter((each) => each === id).length === 1;
      const fails = isFirst && key === 'slow';
      if (!fails) answered.push(id);
      response.writeHead(fails ? 500 : 204).end();
    };
    for (let n = 0; n < 10; n += 1) {
      await shop.post({ id: `slow${n}`, partitionkey: 'slow' });
      await shop.post({ id: `fast${n}`, partitionkey: 'fast' });
    }
    await until('all is delivered', () => shop.broker.idle());
    expect(overtaken).toEqual([]);
    expect(answered.filter((id) => id.startsWith('slow'))).toHaveLength(10);
    expect(answered.filter((id) => id.startsWith('fast'))).toHaveLength(10);
    expect(answered.indexOf('fast9')).toBeLessThan(answered.indexOf('slow9'));
  });

  it('routes the event that a subscriber answers with, until its time to live is spent', async () => {
    const shop = await start(FAST, {
      ping: triggerFor('alpha', { type: 'test.happened.v1' }),
      pong: triggerFor('ledger', { type: 'pong' }),
    });
    const reply = { 'ce-specversion': '1.0', 'ce-id': 'r1', 'ce-source': '/alpha', 'ce-type': 'pong' };
    receiver.answer = status(200, '{"pong":true}', { ...reply, 'content-type': 'application/json' });
    await shop.post({});
    await until('the reply arrived', () => sink.got.length === 1);
    expect(sink.got[0]).toMatchObject({
      body: '{"pong":true}',
      headers: { 'ce-id': 'r1', 'ce-type': 'pong' },
    });
    await shop.post({ id: 'last', knativebrokerttl: '2' });
    await until('the loop ended', () => lettersAt(sink).length === 1);
    expect(lettersAt(sink)[0]?.headers).toMatchObject({ 'ce-id': 'last', 'ce-knativeerrorcode': '400' });
  });

  it('ends within its grace, whatever hangs', async () => {
    const shop = await start(`{ retry: 0, ${SINK} }`, { all: triggerFor('alpha') });
    receiver.answer = () => undefined;
    await shop.post({});
    await until('an attempt hangs', () => receiver.got.length === 1);
    const before = performance.now();
    await shop.broker.close();
    expect(performance.now() - before).toBeLessThan(2500);
    // The attempt that it ended was no failure of the subscriber's.
    receiver.answer = status(204);
    await shop.restart();
    await until('it was delivered', () => shop.broker.idle());
    expect(receiver.got).toHaveLength(2);
    expect(sink.got).toEqual([]);
  });

  it('keeps what is not delivered across a restart', async () => {
    const shop = await start(SLOW, { all: triggerFor('alpha') });
    receiver.answer = status(500);
    await shop.post({ id: 'kept' });
    await until('it was tried', () => receiver.got.length === 1);
    receiver.answer = status(204);
    await shop.restart();
    await until('it was delivered', () => shop.broker.idle());
    expect(receiver.ids()).toEqual(['kept', 'kept']);
  });
});
