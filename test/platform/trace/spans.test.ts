import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { problems } from '../../../platform/errors.ts';
import { routeFor } from '../../../platform/http/route.ts';
import { recurring, task } from '../../../platform/service.ts';
import { openCollector, type CollectedSpan, type Collector } from '../../support/collector.ts';
import { answered, asked, exampleService, type Emits, type Example } from '../../support/example.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { startTestService, type TestService } from '../../support/service.ts';
import type { SentEvent } from '../../support/sink.ts';
import { until } from '../../support/until.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const traceparent = `00-${TRACE}-${PARENT}-01`;
const PROCESS = `process ${asked.type}`;
const SEND = `send ${answered.type}`;
const effects = {
  emit: [{ event: answered.name, data: { name: 'why', by: 'ada', text: 'because' } }],
} as const;
const ids = ({ traceId, parentId }: CollectedSpan) => ({ traceId, parentId });

describe('spans', () => {
  let collector: Collector;
  let broker: Receiver;
  let service: TestService;
  beforeEach(async () => {
    collector = await openCollector();
    broker = await openReceiver();
  });
  afterEach(async () => {
    await service.close();
    await broker[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  async function start(example: Example = {}, env: Record<string, string> = {}): Promise<void> {
    service = await startTestService(exampleService(example), {
      K_SINK: broker.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      ...env,
    });
  }
  /** Waits for what follows, and has all spans handed over. */
  async function finish(): Promise<void> {
    await service.settle();
    await service.service.close();
  }
  const sent = (): SentEvent[] => broker.got.map(({ body }) => JSON.parse(body) as SentEvent);

  it('of an event hang under its traceparent, and what follows hangs under them', async () => {
    await start();
    await service.deliver(asked, asked.example, { traceparent });
    await finish();
    const [processing, sending] = [...collector.named(PROCESS), ...collector.named(SEND)];
    expect(processing).toMatchObject({ kind: 'consumer', traceId: TRACE, parentId: PARENT });
    expect(sending).toMatchObject({ kind: 'producer', traceId: TRACE, parentId: processing?.spanId });
    expect(sent()).toEqual([
      expect.objectContaining({ traceparent: `00-${TRACE}-${processing?.spanId}-01` }),
    ]);
    expect(broker.got[0]?.headers['traceparent']).toBe(`00-${TRACE}-${sending?.spanId}-01`);
  });

  it('begin a trace where there was none', async () => {
    await start();
    await service.deliver(asked, asked.example, { traceparent: 'nonsense' });
    await finish();
    const [processing] = collector.named(PROCESS);
    expect(processing).toMatchObject({ parentId: '', traceId: expect.stringMatching(/^[\da-f]{32}$/) });
    expect(sent()[0]?.['traceparent']).toBe(`00-${processing?.traceId}-${processing?.spanId}-01`);
  });

  it('of a duplicate are added, without any effect', async () => {
    await start();
    await service.deliver(asked, asked.example, { id: 'twice', traceparent });
    await service.deliver(asked, asked.example, { id: 'twice', traceparent });
    await finish();
    const spans = collector.named(PROCESS);
    expect(spans.map(({ attributes }) => attributes['tradewind.event.outcome'])).toEqual([
      'handled',
      'duplicate',
    ]);
    expect(spans.map(({ parentId }) => parentId)).toEqual([PARENT, PARENT]);
    expect(sent()).toHaveLength(1);
  });

  it('of a refused event say why, without its data', async () => {
    await start();
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'one',
      'ce-source': '/somebody',
      'ce-type': asked.type,
    };
    const body = { name: '', by: 'a-secret-name' };
    expect((await service.call('POST', '/events', { body, headers })).status).toBe(422);
    await finish();
    expect(collector.named(PROCESS)).toEqual([
      expect.objectContaining({
        error: expect.stringContaining('data does not fit example.asked: name'),
        attributes: expect.objectContaining({ 'error.type': '422' }),
      }),
    ]);
    expect(Buffer.concat(collector.bodies).toString()).not.toContain('a-secret-name');
  });

  it('of a task hang under what ordered it, one for each attempt', async () => {
    let failures = 1;
    const work = task<object, undefined, Emits, object>(
      'ask',
      async () => {
        if (failures-- > 0) throw new TypeError('a-secret-detail');
        return undefined;
      },
      async () => effects,
    );
    await start({
      tasks: [work],
      handle: async () => ({ tasks: [{ kind: 'ask', key: 'why', payload: {} }] }),
    });
    await service.deliver(asked, asked.example, { traceparent });
    await until('the answer is sent', () => broker.got.length === 1);
    await finish();
    const [processing] = collector.named(PROCESS);
    const runs = collector.named('task ask');
    expect(runs.map(({ parentId }) => parentId)).toEqual([processing?.spanId, processing?.spanId]);
    expect(
      runs.map(({ attributes }) => [attributes['tradewind.task.attempt'], attributes['error.type']]),
    ).toEqual([
      ['1', 'TypeError'],
      ['2', undefined],
    ]);
    expect(collector.named(SEND).map(ids)).toEqual([{ traceId: TRACE, parentId: runs[1]?.spanId }]);
    expect(Buffer.concat(collector.bodies).toString()).not.toContain('a-secret-detail');
  });

  it('are not made of what recurs by itself', async () => {
    let rounds = 0;
    const sweep = recurring<Emits, object>('sweep', 1, async () => ++rounds < 3);
    await start({ tasks: [sweep] });
    await until('it was done again', () => rounds >= 3);
    await service.service.close();
    expect(collector.spans).toEqual([]);
  });

  it('of a post that failed say with what, and the next one stands beside it', async () => {
    broker.answer = (_got, response) => void response.writeHead(broker.got.length > 1 ? 202 : 500).end();
    await start();
    await service.deliver(asked, asked.example, { traceparent });
    await finish();
    const [processing] = collector.named(PROCESS);
    const posts = collector.named(SEND);
    expect(posts.map(({ attributes }) => attributes['http.response.status_code'])).toEqual(['500', '202']);
    expect(posts.map(({ attributes }) => attributes['error.type'])).toEqual(['500', undefined]);
    expect(posts.map(({ parentId }) => parentId)).toEqual([processing?.spanId, processing?.spanId]);
    expect(new Set(sent().map((event) => event['traceparent'])).size).toBe(1);
  });

  it('of a request name its route; a refusal is no error, a defect is one without its detail', async () => {
    const route = routeFor<Emits, object>();
    const responses = { 200: { description: 'fine' } };
    const common = { method: 'post', summary: 'A route', auth: 'none', responses } as const;
    await start({
      routes: [
        route({
          ...common,
          path: '/api/:name',
          handle: (_r, { commit }) => commit(async () => [{ status: 202 }, effects]),
        }),
        route({
          ...common,
          path: '/api/:name/missing',
          handle: async () => {
            throw problems.notFound('a-secret-detail');
          },
        }),
        route({
          ...common,
          path: '/api/:name/broken',
          handle: async () => {
            throw new Error('a-secret-detail');
          },
        }),
      ],
    });
    await service.call('POST', '/api/a-secret-name', { headers: { traceparent } });
    await service.call('POST', '/api/a-secret-name/missing');
    await service.call('POST', '/api/a-secret-name/broken');
    await finish();
    const [fine] = collector.named('POST /api/:name');
    expect(fine).toMatchObject({
      kind: 'server',
      traceId: TRACE,
      parentId: PARENT,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/api/:name',
        'http.response.status_code': '202',
      },
    });
    expect(collector.named(SEND).map(ids)).toEqual([{ traceId: TRACE, parentId: fine?.spanId }]);
    const [missing] = collector.named('POST /api/:name/missing');
    expect(missing?.attributes['http.response.status_code']).toBe('404');
    expect([missing?.error, missing?.attributes['error.type']]).toEqual([undefined, undefined]);
    expect(collector.named('POST /api/:name/broken')).toEqual([
      expect.objectContaining({
        error: expect.any(String),
        attributes: expect.objectContaining({ 'error.type': '500', 'http.response.status_code': '500' }),
      }),
    ]);
    expect(Buffer.concat(collector.bodies).toString()).not.toContain('a-secret');
  });

  it.each([
    ['parentbased_always_on', '', '00', 0],
    ['parentbased_always_off', '', '01', 1],
    ['parentbased_traceidratio', '0', '01', 1],
    ['always_on', '', '00', 1],
    ['always_off', '', '01', 0],
    ['traceidratio', '0', '01', 0],
    ['traceidratio', '1', '00', 1],
  ])(
    'by %s(%s) under a parent with flags %s: %d recorded, all passed on',
    async (sampler, share, flags, count) => {
      await start({}, { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: share });
      await service.deliver(asked, asked.example, { traceparent: traceparent.replace(/01$/, flags) });
      await finish();
      expect(collector.named(PROCESS)).toHaveLength(count);
      expect(sent()[0]?.['traceparent']).toMatch(
        new RegExp(`^00-${TRACE}-(?!${PARENT})[\\da-f]{16}-0${count}$`),
      );
    },
  );
});
