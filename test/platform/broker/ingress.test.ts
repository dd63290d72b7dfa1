import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { manifests, startTestBroker, triggerFor, type TestBroker } from '../../support/broker.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { call } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const binary = { 'ce-specversion': '1.0', 'ce-id': 'e1', 'ce-source': '/test', 'ce-type': 'a.b.v1' };
const event = { specversion: '1.0', id: 'e1', source: '/test', type: 'a.b.v1' };
const structured = { 'content-type': 'application/cloudevents+json' };

describe('the broker’s door', () => {
  let receiver: Receiver;
  let shop: TestBroker;
  beforeAll(async () => {
    receiver = await openReceiver();
    shop = await startTestBroker(manifests('{ retry: 0 }', { all: triggerFor('alpha') }), {
      alpha: receiver.url,
    });
  });
  afterAll(async () => {
    await shop[Symbol.asyncDispose]();
    await receiver.leave();
  });

  it('takes structured mode and hands it on in binary mode, the data as it was', async () => {
    const body = {
      ...event,
      id: 's1',
      datacontenttype: 'application/json',
      data: { amount: 12, text: 'größe' },
    };
    const { status } = await call(shop.broker.url, 'POST', '/default/shop', { body, headers: structured });
    expect(status).toBe(202);
    await until('it arrived', () => receiver.ids().includes('s1'));
    const got = receiver.got.find(({ headers }) => headers['ce-id'] === 's1');
    expect(got).toMatchObject({
      body: '{"amount":12,"text":"größe"}',
      headers: { 'content-type': 'application/json', 'ce-type': 'a.b.v1' },
    });
  });

  it('takes any bytes as data and hands them on untouched', async () => {
    const bytes = new Uint8Array([0, 255, 1, 254]);
    const headers = { ...binary, 'ce-id': 'b1', 'content-type': 'application/octet-stream' };
    const answer = await fetch(`${shop.broker.url}/default/shop`, { method: 'POST', headers, body: bytes });
    expect(answer.status).toBe(202);
    await until('it arrived', () => receiver.ids().includes('b1'));
  });

  it('says what it allows to whom asks with OPTIONS', async () => {
    const { status, headers } = await call(shop.broker.url, 'OPTIONS', '/any/path');
    expect(status).toBe(200);
    expect(headers.get('allow')).toBe('POST, OPTIONS');
    expect(headers.get('webhook-allowed-origin')).toBe('*');
  });

  it.each([
    ['GET', '/default/shop', {}, '', 405, 'use POST'],
    ['PUT', '/default/shop', binary, '{}', 405, 'use POST'],
    ['POST', '/', binary, '{}', 404, '/<namespace>/<broker>'],
    ['POST', '/default', binary, '{}', 400, '/<namespace>/<broker>'],
    ['POST', '/default/shop/more', binary, '{}', 400, '/<namespace>/<broker>'],
    ['POST', '/default/stop', binary, '{}', 404, 'there is no Broker "default/stop"; there is default/shop'],
    ['POST', '/default/shop', { 'content-type': 'application/json' }, '{"a":1}', 400, 'ce-specversion'],
    ['POST', '/default/shop', { ...binary, 'ce-id': '' }, '{}', 400, 'id is missing'],
    ['POST', '/default/shop', { ...binary, 'ce-specversion': '0.9' }, '{}', 400, '"0.9" is not supported'],
    ['POST', '/default/shop', { ...binary, 'ce-time': 'today' }, '{}', 400, 'time must be'],
    ['POST', '/default/shop', { ...binary, 'ce-my-name': 'x' }, '{}', 400, 'my-name'],
    ['POST', '/default/shop', { 'content-type': 'application/cloudevents-batch+json' }, '[]', 400, 'batch'],
    ['POST', '/default/shop', structured, '{"id":', 400, 'no JSON'],
    [
      'POST',
      '/default/shop',
      structured,
      JSON.stringify({ ...event, type: undefined }),
      400,
      'type is missing',
    ],
    ['POST', '/default/shop', { ...binary, 'ce-knativebrokerttl': '1' }, '{}', 400, 'knativebrokerttl'],
    ['POST', '/default/shop', binary, 'x'.repeat(1024 * 1024 + 1), 413, '1048576 bytes'],
  ])('answers %s %s with %o and %.20s by %i', async (method, path, headers, body, status, text) => {
    const answer = await call(shop.broker.url, method, path, { ...(body ? { body } : {}), headers });
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body).replaceAll('\\"', '"')).toContain(text);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('is healthy, ready, measured and described', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json']) {
      expect((await call(shop.broker.url, 'GET', path)).status).toBe(200);
    }
  });
});
