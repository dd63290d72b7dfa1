import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../events/order.ts';
import { inventory } from '../../services/inventory/service.ts';
import { toBinary } from '../../platform/cloudevents.ts';
import { problems } from '../../platform/errors.ts';
import { answer, asked, exampleService, type Handle } from '../support/example.ts';
import { connectTo } from '../support/raw.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const binary = {
  'ce-specversion': '1.0',
  'ce-id': '1',
  'ce-source': orderPlaced.source,
  'ce-type': orderPlaced.type,
  'content-type': 'application/json',
};
const example = orderPlaced.example;
const structured = { 'content-type': 'application/cloudevents+json' };

describe('POST /events of a real service', () => {
  let shop: TestService;
  beforeEach(async () => {
    shop = await startTestService(inventory);
  });
  afterEach(() => shop.close());

  const post = (body: unknown, headers: Record<string, string>): Promise<Response> =>
    fetch(`${shop.service.url}/events`, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const { 'ce-id': _id, ...withoutId } = binary;

  it.each<[string, Record<string, string>, unknown, number, string]>([
    ['no CloudEvent at all', { 'content-type': 'application/json' }, example, 400, 'ce-specversion'],
    [
      'a content type that is no JSON',
      { ...binary, 'content-type': 'text/plain' },
      example,
      400,
      'datacontenttype',
    ],
    ['a content type that is none', { ...binary, 'content-type': 'json' }, example, 400, 'datacontenttype'],
    ['broken JSON as data', binary, '{"orderId":', 400, 'data'],
    ['broken JSON as event', structured, '{"id":', 400, 'body'],
    ['a batch', { 'content-type': 'application/cloudevents-batch+json' }, [], 400, 'content-type'],
    ['a missing attribute', withoutId, example, 400, 'id'],
    ['an attribute of a wrong kind', structured, { specversion: '1.0', id: 1 }, 400, 'id'],
    ['an id too long for an index', { ...binary, 'ce-id': 'x'.repeat(1025) }, example, 400, 'id'],
    ['no data', binary, '', 422, 'data'],
    ['data of a wrong kind', binary, '[]', 422, 'data'],
    ['a missing field', binary, { ...example, orderId: undefined }, 422, 'orderId'],
    [
      'a quantity of 0',
      binary,
      { ...example, lines: [{ ...example.lines[0], quantity: 0 }] },
      422,
      'lines[0].quantity',
    ],
    ['a negative price', binary, { ...example, shippingFee: -1 }, 422, 'shippingFee'],
    ['a total that is wrong', binary, { ...example, shippingFee: 0 }, 422, 'total.amount'],
    [
      'a currency that is none',
      binary,
      { ...example, total: { amount: 5470, currency: 'euro' } },
      422,
      'total.currency',
    ],
  ])('refuses %s and names the field', async (_what, headers, body, status, field) => {
    const response = await post(body, headers);
    const problem = (await response.json()) as { detail: string; errors: { field: string }[] };
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(problem.errors.map((error) => error.field)).toContain(field);
    expect(problem.detail).not.toBe('');
  });

  it('refuses an attribute that came twice', async () => {
    const twice = [...Object.entries(binary), ['ce-id', '2']].map(([name, value]) => `${name}: ${value}\r\n`);
    const connection = await connectTo(shop.service.url);
    connection.send(`POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n${twice.join('')}\r\n{}`);
    await until('an answer', () => connection.received.includes('ce-id is there more than once'));
    expect(connection.received).toContain('HTTP/1.1 400');
    connection.socket.destroy();
  });

  it('refuses a body over the limit, with an answer that Knative can carry', async () => {
    const response = await post({ ...example, padding: 'x'.repeat(1024 * 1024) }, binary);
    const text = await response.text();
    expect(response.status).toBe(413);
    expect(Buffer.byteLength(text)).toBeLessThan(768);
  });

  it('keeps the answer to many mistakes short enough for Knative', async () => {
    const lines = Array.from({ length: 50 }, () => ({ sku: '', name: '', quantity: -1, unitPrice: 0.5 }));
    const text = await (await post({ ...example, lines }, binary)).text();
    expect(JSON.parse(text).errors[0].field).toBe('lines[0].sku');
    expect(Buffer.byteLength(text)).toBeLessThan(768);
  });

  it('settles what is not of interest without a body', async () => {
    const response = await post(example, { ...binary, 'ce-type': 'com.example.other' });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
  });

  it('allows nothing but POST', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const response = await fetch(`${shop.service.url}/events`, { method });
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'POST']);
    }
  });

  it('takes structured mode, with unknown fields for a newer version’s sake', async () => {
    const event = {
      specversion: '1.0',
      id: '1',
      source: orderPlaced.source,
      type: orderPlaced.type,
      data: { ...example, new: 1 },
    };
    expect((await post(event, structured)).status).toBe(204);
    await shop.settle();
    expect(shop.sink.ofType('shop.tradewind.stock.reserved.v1')).toHaveLength(1);
  });

  it('leaves no trace of what it refused: the mended event with the same id is handled', async () => {
    expect((await post({ ...example, shippingFee: 0 }, binary)).status).toBe(422);
    expect((await post(example, binary)).status).toBe(204);
    await shop.settle();
    expect(shop.sink.ofType('shop.tradewind.stock.reserved.v1')).toHaveLength(1);
  });
});

const inbox = (service: TestService): Promise<{ n: number } | undefined> =>
  service.service.store.read.get<{ n: number }>('select count(*) as n from inbox');

describe('an event', () => {
  const opened: TestService[] = [];
  const start = async (...args: Parameters<typeof startTestService>): Promise<TestService> => {
    const service = await startTestService(...args);
    opened.push(service);
    return service;
  };
  afterEach(async () => {
    for (const service of opened.splice(0)) await service.close();
  });
  it('delivered many times at once is handled once', async () => {
    const service = await start(exampleService());
    const copies = Array.from({ length: 50 }, () => service.deliver(asked, asked.example, { id: 'same' }));
    expect(new Set(await Promise.all(copies))).toEqual(new Set([204]));
    await service.settle();
    expect(service.sink.events).toHaveLength(1);
  });

  it('with the same id from another source is another event, whoever says it', async () => {
    const service = await start(exampleService());
    await service.deliver(asked, asked.example, { id: 'same' });
    await service.deliver(asked, asked.example, { id: 'same', source: '/elsewhere' });
    await service.settle();
    expect(service.sink.events).toHaveLength(2);
  });

  it('whose handler fails leaves nothing behind, answers 500, and is handled when it comes again', async () => {
    let defects = 1;
    const card = exampleService({
      handle: async (tx, event) => {
        const effects = await answer(tx, event);
        if (defects-- > 0) throw new Error('defect');
        return effects;
      },
    });
    const service = await start(card);
    expect(await service.deliver(asked, asked.example, { id: 'same' })).toBe(500);
    expect(await inbox(service)).toEqual({ n: 0 });
    expect(await service.deliver(asked, asked.example, { id: 'same' })).toBe(204);
    await service.settle();
    expect(service.sink.events).toHaveLength(1);
  });

  it('that would make the service break its own contract changes nothing', async () => {
    const card = exampleService({
      handle: async () => ({
        emit: [{ event: 'example.answered', data: { name: 'x', by: 'y', text: 5 as never } }],
      }),
    });
    const service = await start(card);
    expect(await service.deliver(asked, asked.example)).toBe(500);
    expect(await inbox(service)).toEqual({ n: 0 });
  });

  it('may be refused by its handler for good', async () => {
    const card = exampleService({
      handle: async () => {
        throw problems.invalid('no such question', [{ field: 'data.name', message: 'is unknown' }]);
      },
    });
    const service = await start(card);
    expect(await service.deliver(asked, asked.example)).toBe(422);
  });

  it('hands its id, its trace and its story on to what follows', async () => {
    const service = await start(exampleService());
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await service.deliver(asked, asked.example, { id: 'the-cause', traceparent });
    await service.settle();
    expect(service.sink.events).toEqual([
      expect.objectContaining({
        specversion: '1.0',
        source: '/example/example',
        type: 'com.example.example.answered.v1',
        subject: 'why',
        partitionkey: 'ada',
        correlationid: 'why',
        causationid: 'the-cause',
        traceparent,
        datacontenttype: 'application/json',
        dataschema: 'urn:example:event:example.answered:v1',
        dataclassification: 'internal',
        id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-/),
        data: { name: 'why', by: 'ada', text: 'because' },
      }),
    ]);
  });

  it.each([
    ['rp-1', { 'knative-replay': 'rp-1' }],
    [undefined, {}],
    [undefined, { 'knative-replay': 'rp-1 and more' }],
    [undefined, { 'knative-replay': 'x'.repeat(65) }],
  ])('tells its handler the replay %s that brought it with %j', async (replay, headers) => {
    const replays: unknown[] = [];
    const handle: Handle = async (_tx, event) => {
      replays.push(event.replay);
      return {};
    };
    const service = await start(exampleService({ handle }));
    const { headers: own, body } = toBinary({
      attributes: { specversion: '1.0', id: '1', source: '/x', type: asked.type },
      data: Buffer.from(JSON.stringify(asked.example)),
    });
    await service.call('POST', '/events', { headers: { ...own, ...headers }, body: body.toString() });
    expect(replays).toEqual([replay]);
  });

  it('does not hand on a trace that is none', async () => {
    const service = await start(exampleService());
    await service.deliver(asked, asked.example, { traceparent: `00-${'x'.repeat(5000)}` });
    await service.settle();
    expect(service.sink.events).toEqual([expect.not.objectContaining({ traceparent: expect.anything() })]);
  });

  it('is answered 503 when too many are at work, and taken later', async () => {
    const service = await start(exampleService(), { MAX_EVENTS_IN_FLIGHT: '1' });
    const deliveries = Array.from({ length: 20 }, (_, index) =>
      service.deliver(asked, asked.example, { id: String(index) }),
    );
    const statuses = await Promise.all(deliveries);
    expect(statuses).toContain(204);
    expect(statuses.every((status) => status === 204 || status === 503)).toBe(true);
    expect(await service.deliver(asked, asked.example, { id: 'later' })).toBe(204);
  });

  it('is answered 503 with Retry-After when the database is gone', async () => {
    const service = await start(exampleService());
    await service.service.store.close();
    expect(await service.deliver(asked, asked.example)).toBe(503);
    const response = await fetch(`${service.service.url}/readyz`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect((await fetch(`${service.service.url}/healthz`)).status).toBe(200);
  });

  it('is recognised as a duplicate for its retention, and then forgotten', async () => {
    const service = await start(exampleService(), { INBOX_RETENTION: '1d' });
    await service.deliver(asked, asked.example, { id: 'old' });
    await service.advance(20 * 3_600_000);
    await service.deliver(asked, asked.example, { id: 'young' });
    await service.restart();
    expect(await inbox(service)).toEqual({ n: 2 });
    await service.advance(5 * 3_600_000);
    await service.restart();
    await until('the old row is gone', async () => (await inbox(service))?.n === 1);
    expect(await service.service.store.read.get('select id from inbox')).toEqual({ id: 'young' });
  });

  it('of a stranger adds no label to the metrics', async () => {
    const service = await start(exampleService());
    await service.deliver({ ...asked, type: 'com.stranger.x' }, asked.example);
    await service.deliver(asked, asked.example);
    const { body } = await service.call('GET', '/metrics');
    expect(body).toContain('type="",outcome="not_of_interest"');
    expect(body).toContain(`type="${asked.type}",outcome="handled"`);
    expect(body).not.toContain('com.stranger');
  });
});
