import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { join } from 'node:path';
import { routeFor } from '../../platform/http/route.ts';
import { startService, type RunningService } from '../../platform/runtime.ts';
import { task } from '../../platform/service.ts';
import { readSettings } from '../../platform/settings.ts';
import type { Migration } from '../../platform/store/migrate.ts';
import { answer, asked, exampleService, type Emits } from '../support/example.ts';
import { connectTo } from '../support/raw.ts';
import { STAFF_TOKEN, startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const route = routeFor<Emits, object>();
const responses = { 200: { description: 'fine' } };

/** A route that answers when the test says so. */
function slowRoute() {
  const { promise, resolve } = Promise.withResolvers<void>();
  let started = false;
  return {
    route: route({
      method: 'get',
      path: '/api/slow',
      summary: 'Takes its time',
      auth: 'none',
      responses,
      handle: async () => {
        started = true;
        await promise;
        return { status: 200, body: 'slow' };
      },
    }),
    started: () => until('the slow request is at work', () => started),
    finish: resolve,
  };
}

describe('a service that stops', () => {
  let service: TestService | undefined;
  afterEach(() => service?.close());

  it('finishes the request at work, takes no new connection, and then closes its database', async () => {
    const slow = slowRoute();
    service = await startTestService(exampleService({ routes: [slow.route] }));
    const { url, store } = service.service;
    const request = fetch(`${url}/api/slow`);
    await slow.started();
    const closed = service.service.close();
    await until('new connections are refused', () =>
      fetch(`${url}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    expect(await store.read.get('select 1 as open')).toEqual({ open: 1 });
    slow.finish();
    expect(await (await request).json()).toBe('slow');
    await closed;
    await expect(store.ping()).rejects.toThrow();
  });

  it('says first that it is not ready, and takes requests for as long as it is told to', async () => {
    service = await startTestService(exampleService(), { SHUTDOWN_DELAY: '400ms' });
    const closed = service.service.close();
    const ready = await service.call('GET', '/readyz');
    expect([ready.status, ready.body.detail]).toEqual([503, 'shutting down']);
    expect((await service.call('GET', '/healthz')).status).toBe(200);
    expect(await service.deliver(asked, asked.example)).toBe(204);
    await closed;
    await service.restart();
    await service.settle();
    expect(service.sink.events).toHaveLength(1);
  });

  it('does not wait for connections that are only kept alive', async () => {
    service = await startTestService(exampleService());
    const connection = await connectTo(service.service.url);
    connection.send('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await until('the answer', () => connection.received.includes('"status":"ok"'));
    const ended = once(connection.socket, 'close');
    const before = performance.now();
    await service.service.close();
    await ended;
    expect(performance.now() - before).toBeLessThan(2000);
  });

  it('closes a kept connection after the answer it was waiting for', async () => {
    const slow = slowRoute();
    service = await startTestService(exampleService({ routes: [slow.route] }));
    const connection = await connectTo(service.service.url);
    connection.send('GET /api/slow HTTP/1.1\r\nhost: x\r\n\r\n');
    await slow.started();
    const before = performance.now();
    const closed = service.service.close();
    slow.finish();
    await closed;
    expect(connection.received).toContain('"slow"');
    expect(performance.now() - before).toBeLessThan(2000);
  });

  it('waits no longer than its grace for what never ends, and does it at the next start', async () => {
    let stuck = true;
    service = await startTestService(
      exampleService({
        handle: async (_tx, { data }) => ({ tasks: [{ kind: 'ask', key: data.name, payload: data }] }),
        tasks: [
          task<{ name: string; by: string }, string, Emits, object>(
            'ask',
            () => (stuck ? new Promise(() => undefined) : Promise.resolve('done')),
            async (_tx, data, text) => ({ emit: [{ event: 'example.answered', data: { ...data, text } }] }),
          ),
        ],
      }),
      { SHUTDOWN_GRACE: '300ms' },
    );
    const { service: running } = service;
    await service.deliver(asked, asked.example);
    await until('it is at work', async () =>
      Boolean(await running.store.read.get('select 1 from tasks where lease_until is not null')),
    );
    const before = performance.now();
    await running.close();
    expect(performance.now() - before).toBeLessThan(3000);
    stuck = false;
    await service.restart();
    await service.settle();
    expect(service.sink.events).toHaveLength(1);
  });

  it('loses nothing of what it has taken, and sends each event once in the end', async () => {
    service = await startTestService(exampleService());
    const statuses: Promise<number | Error>[] = [];
    for (let index = 0; index < 200; index += 1) {
      const name = String(index);
      statuses.push(service.deliver(asked, { name, by: name }, { id: name }).catch((error: Error) => error));
      if (index === 100) void service.service.close();
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const taken = (await Promise.all(statuses)).flatMap((status, index) =>
      status === 204 ? [String(index)] : [],
    );
    expect(taken.length).toBeGreaterThan(0);
    await service.restart();
    await service.settle();
    const told = new Set(service.sink.events.map((event) => event.data['name']));
    expect(taken.filter((name) => !told.has(name))).toEqual([]);
    expect(new Set(service.sink.events.map((event) => event.id)).size).toBe(told.size);
  });

  it('may be told to stop twice', async () => {
    service = await startTestService(exampleService());
    await Promise.all([service.service.close(), service.service.close()]);
    await service.service.close();
  });
});

const start = (
  where: Readonly<Record<string, string>>,
  port: number,
  migrations: readonly Migration[] = [],
): Promise<RunningService> => {
  const card = exampleService({ migrations });
  const env = {
    PORT: String(port),
    HOST: '127.0.0.1',
    ...where,
    STAFF_TOKEN,
    LOG_LEVEL: 'silent',
  };
  return startService(card, readSettings(card, env));
};

describe('a service that starts', () => {
  it('refuses a database that a newer version has changed, and lets go of it', async () => {
    await using service = await startTestService(exampleService());
    await service.service.close();
    const newer = [{ name: '002-later', statements: () => ['create table later (x integer)'] }];
    await (await start(service.data.env, 0, newer)).close();
    await expect(start(service.data.env, 0)).rejects.toThrow('"002-later", which this version does not know');
    await (await start(service.data.env, 0, newer)).close();
  });

  it('says which port is taken', async () => {
    await using service = await startTestService(exampleService());
    const { port } = service.service;
    await expect(
      start({ ...service.data.env, DATA_DIR: join(service.data.dataDir, 'second') }, port),
    ).rejects.toThrow(`port ${port} is taken`);
  });
});

describe('/metrics', () => {
  // https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
  const SAMPLE =
    /^[a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

  it('is Prometheus text: every sample well-formed, with its type and help before it', async () => {
    await using service = await startTestService(exampleService({ handle: answer }));
    await service.deliver(asked, asked.example);
    await service.settle();
    const { body, headers } = await service.call('GET', '/metrics');
    expect(headers.get('content-type')).toContain('text/plain; version=0.0.4');
    const lines: string[] = body.trim().split('\n');
    const typed = new Set<string>();
    for (const line of lines) {
      const comment = /^# (HELP|TYPE) (\S+) .+$/.exec(line);
      if (comment?.[1] === 'TYPE') typed.add(comment[2] ?? '');
      if (line === '' || line.startsWith('#')) continue;
      expect(line).toMatch(SAMPLE);
      const name = /^[\w:]+/.exec(line)?.[0].replace(/_(?:bucket|sum|count)$/, '') ?? '';
      expect(typed).toContain(name);
    }
    for (const name of [
      'tradewind_events_total',
      'tradewind_event_handling_seconds',
      'tradewind_relay_posts_total',
      'tradewind_outbox_events',
      'tradewind_outbox_oldest_seconds',
      'tradewind_tasks_due',
      'tradewind_tasks_failing',
    ]) {
      expect(typed).toContain(name);
    }
    expect(body).toContain('tradewind_outbox_events{service="example"} 0');
  });

  it('still tells the rest when the database cannot be asked', async () => {
    await using service = await startTestService(exampleService());
    await service.service.store.close();
    const { status, body } = await service.call('GET', '/metrics');
    expect(status).toBe(200);
    expect(body).toMatch(/tradewind_outbox_events\{service="example"\} (?:NaN|Nan)/i);
  });

  it('still tells the rest when one number cannot be told', async () => {
    const numbers = {
      // As an engine answers that hands out big counts as text.
      example_text: async () => '3' as unknown as number,
      example_fails: () => Promise.reject(new Error('no such table')),
      example_fine: async () => 3,
    };
    const gauges = Object.fromEntries(
      Object.entries(numbers).map(([name, read]) => [name, { help: 'A number.', read }]),
    );
    await using service = await startTestService(exampleService({ gauges }));
    const { status, body } = await service.call('GET', '/metrics');
    expect(status).toBe(200);
    expect(body).toMatch(/example_text\{.*\} NaN/i);
    expect(body).toMatch(/example_fails\{.*\} NaN/i);
    expect(body).toMatch(/example_fine\{.*\} 3/);
  });

  it('shows how many events wait, and for how long', async () => {
    await using service = await startTestService(exampleService(), { K_SINK: '' });
    await service.deliver(asked, asked.example);
    const { body } = await service.call('GET', '/metrics');
    expect(body).toContain('tradewind_outbox_events{service="example"} 1');
  });
});
