import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startService, type RunningService } from '../../../platform/runtime.ts';
import { readSettings } from '../../../platform/settings.ts';
import { answered, asked, exampleService } from '../../support/example.ts';
import { startPostgres, type PostgresServer } from '../../support/postgres-server.ts';
import { call, deliver, STAFF_TOKEN } from '../../support/service.ts';
import { openSink, type Sink } from '../../support/sink.ts';
import { until } from '../../support/until.ts';

describe('a service whose PostgreSQL goes away', () => {
  let server: PostgresServer;
  let service: RunningService;
  let sink: Sink;
  beforeAll(async () => {
    server = await startPostgres();
    sink = await openSink();
    const card = exampleService();
    const env = { PORT: '0', HOST: '127.0.0.1', STAFF_TOKEN, LOG_LEVEL: 'silent', K_SINK: sink.url };
    service = await startService(card, readSettings(card, { ...env, DATABASE_URL: server.url }));
  });
  afterAll(async () => {
    await service.close();
    await sink.close();
    await server.remove();
  });

  const ready = async (): Promise<number> => (await call(service.url, 'GET', '/readyz')).status;
  const ask = (name: string): Promise<number> =>
    deliver(service.url, asked, { name, by: 'ada' }, { id: name });
  const told = (): unknown[] => sink.ofType(answered.type).map((event) => event.data['name']);

  it('says so soon, answers 503 meanwhile, and goes on by itself afterwards', async () => {
    sink.status = 503;
    expect(await ask('before')).toBe(204);
    await server.stop();
    sink.status = 202;

    const asking = performance.now();
    expect(await ready()).toBe(503);
    expect(performance.now() - asking).toBeLessThan(4000);
    expect(await ask('meanwhile')).toBe(503);
    expect((await call(service.url, 'GET', '/healthz')).status).toBe(200);

    await server.start();
    await until('it is ready again', async () => (await ready()) === 200);
    expect(await ask('meanwhile')).toBe(204);
    await until('everything was told', () => told().length === 2);
    expect(told()).toEqual(['before', 'meanwhile']);
  });
});
