import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { manifests, startTestBroker, triggerFor, type TestBroker } from '../../support/broker.ts';
import { openReceiver, status, type Receiver } from '../../support/receiver.ts';
import { call } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const FAST = '{ retry: 2, backoffPolicy: linear, backoffDelay: PT0.01S }';
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
    expect(await shop.deadLetters()).toEqual([]);
  });

  it.each([400, 401, 403, 410, 413, 415, 422, 302])('does not try again after a %i', async (code) => {
    const shop = await start(FAST, { all: triggerFor('alpha') });
    receiver.answer = status(code, '{"title":"no"}', { location: `${sink.url}/elsewhere` });
    await shop.post({ subject: 'order-1' });
    await until('it is a dead letter', async () => (await shop.deadLetters()).length === 1);
    expect(receiver.got).toHaveLength(1);
    expect(sink.got).toHaveLength(0);
    expect(await shop.deadLetters()).toMatchObject([
      {
        trigger: 'all',
        code,
        reason: '{"title":"no"}',
        waitsFor: 'person',
        event: { id: 'e1', subject: 'order-1' },
      },
    ]);
  });

  it('takes a text body with a 200 for a failure, as Knative does', async () => {
    const shop = await start(FAST, { all: triggerFor('alpha') });
    receiver.answer = status(200, 'OK', { 'content-type': 'text/plain' });
    await shop.post({});
    await until('it is a dead letter', async () => (await shop.deadLetters()).length === 1);
    expect(receiver.got).toHaveLength(3);
    expect(await shop.deadLetters()).toMatchObject([{ code: 502, reason: 'OK', waitsFor: 'person' }]);
  });

  it('sends to the dead letter sink what failed for good, with what failed, where and why', async () => {
    const delivery = `{ retry: 1, backoffPolicy: linear, backoffDelay: PT0.01S, deadLetterSink: { ref: { apiVersion: v1, kind: Service, name: ledger }, uri: /dead-letters } }`;
    const shop = await start(delivery, { all: triggerFor('alpha') });
    receiver.answer = status(500, 'x'.repeat(2000));
    await shop.post({ extra: 'kept' }, { a: 1 });
    await until('the sink has it', () => sink.got.length === 1);
    const [letter] = sink.got;
    expect(receiver.got).toHaveLength(2);
    expect(letter).toMatchObject({ path: '/dead-letters', body: '{"a":1}' });
    expect(letter?.headers).toMatchObject({
      'ce-id': 'e1',
      'ce-extra': 'kept',
      'ce-knativeerrorcode': '500',
      'ce-knativeerrordest': `${receiver.url}/events`,
      'ce-knativeerrordata': Buffer.from('x'.repeat(768)).toString('base64'),
      'ce-knativebrokerttl': '255',
    });
    expect(letter?.headers).not.toHaveProperty('prefer');
    await until('nothing waits', () => shop.broker.idle());
    expect(await shop.deadLetters()).toEqual([]);
  });

  it('tries each attempt for as long as the timeout says', async () => {
    const shop = await start('{ retry: 0, timeout: PT0.2S }', { all: triggerFor('alpha') });
    // Bytes that keep dripping are no answer either.
    receiver.answer = (_got, response) => {
      response.writeHead(200, { 'ce-specversion': '1.0' });
      const drip = setInterval(() => response.write('x'), 20);
      response.once('close', () => clearInterval(drip));
    };
    await shop.post({});
    await until('it is a dead letter', async () => (await shop.deadLetters()).length > 0, 2000);
    expect(await shop.deadLetters()).toMatchObject([{ code: 500, waitsFor: 'subscriber' }]);
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

  it('redrives by itself what had become a dead letter while the subscriber was away', async () => {
    const shop = await start('{ retry: 1, backoffPolicy: linear, backoffDelay: PT0.01S }', {
      all: triggerFor('alpha'),
    });
    receiver.answer = status(503);
    for (let n = 0; n < 20; n += 1) await shop.post({ id: `e${n}` });
    await until('all are dead letters', async () => (await shop.deadLetters()).length === 20);
    await receiver.leave();
    receiver.answer = status(204);
    receiver.got.length = 0;
    await receiver.comeBack();
    await until('all have arrived', () => new Set(receiver.ids()).size === 20);
    await until('none is left', () => shop.broker.idle());
    expect(await shop.deadLetters()).toEqual([]);
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
    await until('the loop ended', async () => (await shop.deadLetters()).length === 1);
    expect(await shop.deadLetters()).toMatchObject([{ event: { id: 'last' }, code: 400 }]);
  });

  it('hands the letters that it kept to their sink as soon as there is one', async () => {
    const delivery = `{ retry: 0, deadLetterSink: { ref: { apiVersion: v1, kind: Service, name: ledger }, uri: /dead } }`;
    const addresses: Record<string, string> = { alpha: receiver.url };
    const shop = await startTestBroker(manifests(delivery, { all: triggerFor('alpha') }), addresses);
    open.push(shop);
    receiver.answer = status(422, 'no such field');
    await shop.post({});
    await until('it is kept', async () => (await shop.deadLetters()).length === 1);
    addresses['ledger'] = sink.url;
    await until('the sink has it', () => sink.got.length === 1);
    expect(sink.got[0]?.headers).toMatchObject({ 'ce-id': 'e1', 'ce-knativeerrorcode': '422' });
    await until('nothing waits', () => shop.broker.idle());
    expect(await shop.deadLetters()).toEqual([]);
  });

  it('tries a dead letter again, or forgets it, when a person says so', async () => {
    const shop = await start('{ retry: 0 }', { all: triggerFor('alpha') });
    receiver.answer = status(422, JSON.stringify({ title: 'Invalid', detail: 'data.city: is missing' }));
    await shop.post({ id: 'mend' });
    await shop.post({ id: 'forget' });
    await until('both are dead letters', async () => (await shop.deadLetters()).length === 2);
    const [forget, mend] = await shop.deadLetters();
    expect(mend).toMatchObject({ event: { id: 'mend' }, reason: 'data.city: is missing' });
    receiver.answer = status(204);
    const staff = (method: string, path: string) => call(shop.broker.url, method, path, { staff: true });
    expect((await staff('POST', `/api/dead-letters/${mend.id}/retry`)).status).toBe(202);
    expect((await staff('DELETE', `/api/dead-letters/${forget.id}`)).status).toBe(204);
    expect((await staff('DELETE', `/api/dead-letters/${forget.id}`)).status).toBe(404);
    await until('it was delivered', () => receiver.ids().filter((id) => id === 'mend').length === 2);
    await until('nothing waits', () => shop.broker.idle());
    expect(await shop.deadLetters()).toEqual([]);
    expect(receiver.ids().filter((id) => id === 'forget')).toHaveLength(1);
  });

  it('tells of the last failure, not of the first', async () => {
    const shop = await start('{ retry: 0 }', { all: triggerFor('alpha') });
    receiver.answer = (_got, response) =>
      void response.writeHead(receiver.got.length === 1 ? 500 : 422).end(`answer ${receiver.got.length}`);
    await shop.post({});
    await until('it was tried again', async () => (await shop.deadLetters())[0]?.code === 422);
    expect(await shop.deadLetters()).toMatchObject([{ reason: 'answer 2', redrives: 1, waitsFor: 'person' }]);
  });

  it('ends within its grace, whatever hangs', async () => {
    const shop = await start('{ retry: 3 }', { all: triggerFor('alpha') });
    receiver.answer = () => undefined;
    await shop.post({});
    await until('an attempt hangs', () => receiver.got.length === 1);
    const before = performance.now();
    await shop.broker.close();
    expect(performance.now() - before).toBeLessThan(2500);
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
