import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { problems } from '../../../platform/errors.ts';
import { routeFor } from '../../../platform/http/route.ts';
import { exampleService, type Emits } from '../../support/example.ts';
import { connectTo } from '../../support/raw.ts';
import { STAFF_TOKEN, startTestService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const route = routeFor<Emits, object>();
const seen: unknown[] = [];
const telling = { name: 'why', by: 'ada', text: 'because' };
const responses = { 200: { description: 'fine' } };
const routes = [
  route({
    method: 'post',
    path: '/api/things/:name',
    summary: 'Take a thing',
    auth: 'staff',
    params: z.object({ name: z.string().max(8) }),
    query: z.object({ size: z.coerce.number().int().default(1) }),
    body: z.object({ colour: z.enum(['red', 'blue']), parts: z.array(z.object({ count: z.int().min(1) })) }),
    responses,
    handle: async ({ params, query, body }) => {
      seen.push({ params, query, body });
      return { status: 200, body: { params, query, body } };
    },
  }),
  route({
    method: 'get',
    path: '/api/things/:name',
    summary: 'A thing',
    auth: 'none',
    responses,
    handle: async () => {
      throw problems.notFound('there is no such thing');
    },
  }),
  route({
    method: 'get',
    path: '/api/broken',
    summary: 'A defect',
    auth: 'none',
    responses,
    handle: async () => {
      throw new Error('secret detail of a defect');
    },
  }),
  route({
    method: 'get',
    path: '/api/telling',
    summary: 'Tells something',
    auth: 'none',
    responses,
    handle: (_request, { commit }) =>
      commit(async () => [{ status: 202 }, { emit: [{ event: 'example.answered', data: telling }] }]),
  }),
  route({
    method: 'get',
    path: '/api/bytes',
    summary: 'Bytes',
    auth: 'none',
    responses,
    handle: async () => ({
      status: 200,
      bytes: { type: 'application/pdf', content: new Uint8Array([37, 80]) },
      headers: { 'cache-control': 'no-store' },
    }),
  }),
];

const good = { colour: 'red', parts: [{ count: 1 }] };
const json = { 'content-type': 'application/json' };
const staff = { authorization: `Bearer ${STAFF_TOKEN}` };

describe('the HTTP face of a service', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService(exampleService({ routes }), { MAX_BODY_BYTES: '2048' });
  });
  afterAll(() => service.close());

  const send = (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(service.service.url + path, { method, ...init });
  const post = (
    body: string,
    headers: Record<string, string>,
    path = '/api/things/rope',
  ): Promise<Response> => send('POST', path, { body, headers });

  it('gives a route its path, query and body, checked and converted', async () => {
    const response = await post(JSON.stringify(good), { ...json, ...staff }, '/api/things/rope?size=3');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ params: { name: 'rope' }, query: { size: 3 }, body: good });
  });

  it.each<[string, number, string, () => Promise<Response>]>([
    ['no token', 401, 'Bearer', () => post('{}', json)],
    ['a wrong token', 401, 'not valid', () => post('{}', { ...json, authorization: 'Bearer wrong' })],
    ['another scheme', 401, 'Bearer', () => post('{}', { ...json, authorization: `Basic ${STAFF_TOKEN}` })],
    ['no content type', 415, 'content-type', () => send('POST', '/api/things/rope', { headers: staff })],
    ['a form', 415, 'content-type', () => post('colour=red', { ...staff, 'content-type': 'text/plain' })],
    ['broken JSON', 400, 'body', () => post('{"colour":', { ...json, ...staff })],
    ['an empty body', 400, 'body', () => post('', { ...json, ...staff })],
    ['a body of the wrong kind', 422, 'body', () => post('[]', { ...json, ...staff })],
    ['a missing field', 422, 'parts', () => post('{"colour":"red"}', { ...json, ...staff })],
    [
      'a wrong field deep inside',
      422,
      'parts[0].count',
      () => post(JSON.stringify({ ...good, parts: [{ count: 0 }] }), { ...json, ...staff }),
    ],
    [
      'a path that breaks its rule',
      422,
      'name',
      () => post(JSON.stringify(good), { ...json, ...staff }, '/api/things/much-too-long'),
    ],
    [
      'a query that breaks its rule',
      422,
      'size',
      () => post(JSON.stringify(good), { ...json, ...staff }, '/api/things/rope?size=big'),
    ],
    ['a body over the limit', 413, '2048 bytes', () => post('x'.repeat(4096), { ...json, ...staff })],
    ['a path that is not there', 404, '/api/nothing', () => send('GET', '/api/nothing')],
    ['a thing that is not there', 404, 'no such thing', () => send('GET', '/api/things/rope')],
    [
      'a control character in a path',
      422,
      'name',
      () => post(JSON.stringify(good), { ...json, ...staff }, '/api/things/a%00'),
    ],
    ['a control character where no rule is', 422, 'name', () => send('GET', '/api/things/%00')],
    ['a control character in a query', 422, 'size', () => send('GET', '/api/bytes?size=%1b')],
    ['a control character in a path that is not there', 404, 'nothing', () => send('GET', '/%00')],
    ['a path that cannot be decoded', 400, 'path', () => send('GET', '/api/things/%E0%A4%A')],
    ['a method that is not there', 405, 'DELETE', () => send('DELETE', '/api/things/rope')],
    ['a defect', 500, 'the log has the details', () => send('GET', '/api/broken')],
  ])('answers %s with %i and a problem document', async (_what, status, says, request) => {
    const response = await request();
    const text = await response.text();
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(JSON.parse(text)).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
    expect(text).toContain(says);
    expect(text).not.toMatch(/secret detail|node_modules/);
  });

  it('hands the trace of a request on to what it brings about, when it is one', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    for (const given of [traceparent, 'nonsense', traceparent.replace(/-\w{32}-/, `-${'0'.repeat(32)}-`)]) {
      const response = await send('GET', '/api/telling', { headers: { traceparent: given } });
      expect(response.status).toBe(202);
    }
    await service.settle();
    expect(service.sink.events.map((event) => event['traceparent'])).toEqual([
      traceparent,
      undefined,
      undefined,
    ]);
  });

  it('does not reach a route with anything it refused', () => {
    expect(seen).toHaveLength(1);
  });

  it('says which methods a path has, and how to authenticate', async () => {
    expect((await send('DELETE', '/api/things/rope')).headers.get('allow')).toBe('POST, GET');
    expect((await send('GET', '/events')).headers.get('allow')).toBe('POST');
    expect((await send('POST', '/healthz')).headers.get('allow')).toBe('GET');
    expect((await post('{}', json)).headers.get('www-authenticate')).toBe('Bearer');
  });

  it('refuses a body over the limit whose length nobody declared, and goes on with the connection', async () => {
    const connection = await connectTo(service.service.url);
    const head = ['POST /api/things/rope HTTP/1.1', 'host: x', 'content-type: application/json'];
    connection.send(
      `${head.join('\r\n')}\r\nauthorization: Bearer ${STAFF_TOKEN}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    for (let index = 0; index < 5; index += 1) connection.send(`400\r\n${'x'.repeat(1024)}\r\n`);
    await until('it is refused', () => connection.received.includes('HTTP/1.1 413'));
    connection.send('0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('the next answer', () => connection.received.includes('"status":"ok"'));
    connection.socket.destroy();
  });

  it('answers an oversized body also to a client that sends all of it first', async () => {
    const response = await post('x'.repeat(8_000_000), { ...json, ...staff });
    expect(response.status).toBe(413);
  });

  it('outlives a client that goes away in the middle of its body', async () => {
    const connection = await connectTo(service.service.url);
    connection.send('POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"a":');
    connection.socket.destroy();
    await until('the refusal is counted', async () =>
      (await (await send('GET', '/metrics')).text()).includes('outcome="refused_400"'),
    );
    expect((await send('GET', '/healthz')).status).toBe(200);
  });

  it('sends bytes and headers as the route gave them', async () => {
    const response = await send('GET', '/api/bytes');
    expect(response.headers.get('content-type')).toBe('application/pdf');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([37, 80]));
  });

  it('sends the security headers of a good citizen, and does not tell what it is made of', async () => {
    const { headers } = await send('GET', '/healthz');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
    expect(headers.has('x-powered-by')).toBe(false);
  });
});
