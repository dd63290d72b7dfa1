import { afterEach, describe, expect, it } from '@jest/globals';
import { ledger } from '../../../services/ledger/service.ts';
import { listen } from '../../../platform/http/listen.ts';
import type { AnyServiceCard } from '../../../platform/service.ts';
import { asked, exampleService } from '../../support/example.ts';
import { deliver, STAFF_TOKEN, startTestService, type TestService } from '../../support/service.ts';

let service: TestService | undefined;
afterEach(async () => {
  await service?.close();
  service = undefined;
});

async function start(card: AnyServiceCard, env: Record<string, string> = {}) {
  service = await startTestService(card, env);
  const { url: api, eventsUrl: events } = service.service;
  return { api, events };
}

async function statusOf(url: string, method = 'GET'): Promise<number> {
  const headers = { authorization: `Bearer ${STAFF_TOKEN}` };
  const response = await fetch(url, { method, headers, ...(method === 'POST' ? { body: '' } : {}) });
  await response.arrayBuffer();
  return response.status;
}

async function pathsAt(url: string): Promise<string[]> {
  const response = await fetch(`${url}/openapi.json`);
  return Object.keys(((await response.json()) as { paths: object }).paths);
}

describe('a port for events', () => {
  it('takes events, and the other port takes none', async () => {
    const { api, events } = await start(exampleService(), { EVENTS_PORT: '0' });
    expect(events).not.toBe(api);
    expect(await deliver(events, asked, asked.example)).toBe(204);
    expect(await deliver(api, asked, asked.example)).toBe(404);
    expect(await statusOf(`${events}/events`)).toBe(405);
  });

  it('takes dead letters, and the other port takes none', async () => {
    const { api, events } = await start(ledger, { EVENTS_PORT: '0' });
    expect(await statusOf(`${events}/dead-letters`, 'POST')).toBe(204);
    expect(await statusOf(`${api}/dead-letters`, 'POST')).toBe(404);
  });

  it('takes everything else as well, which the other port does, too', async () => {
    const { api, events } = await start(ledger, { EVENTS_PORT: '0' });
    for (const url of [api, events])
      for (const path of ['/api/dead-letters', '/api/events', '/metrics', '/openapi.json'])
        expect([url, path, await statusOf(url + path)]).toEqual([url, path, 200]);
  });

  it('is described where it is', async () => {
    const { api, events } = await start(ledger, { EVENTS_PORT: '0' });
    expect(await pathsAt(events)).toContain('/dead-letters');
    expect(await pathsAt(api)).toEqual(expect.not.arrayContaining(['/dead-letters']));
    expect(await pathsAt(api)).toContain('/api/dead-letters');
  });

  it('says like the other one whether the service is well', async () => {
    const { api, events } = await start(exampleService(), { EVENTS_PORT: '0' });
    for (const url of [api, events])
      for (const path of ['/healthz', '/readyz']) expect(await statusOf(url + path)).toBe(200);
  });

  it('is closed with the service', async () => {
    const { events } = await start(exampleService(), { EVENTS_PORT: '0' });
    await service?.service.close();
    await expect(fetch(events)).rejects.toThrow('fetch failed');
  });

  it('that is taken is named, and the other one is given back', async () => {
    const other = await listen((_request, response) => void response.end(), 0, '127.0.0.1');
    const free = await listen((_request, response) => void response.end(), 0, '127.0.0.1');
    await free.close(0);
    const env = { PORT: String(free.port), EVENTS_PORT: String(other.port) };
    await expect(start(exampleService(), env)).rejects.toThrow(`port ${other.port} is taken`);
    await expect(fetch(free.url)).rejects.toThrow('fetch failed');
    await other.close(0);
  });

  it('is the only one where none is set', async () => {
    const { api, events } = await start(ledger);
    expect(events).toBe(api);
    expect(await statusOf(`${api}/dead-letters`, 'POST')).toBe(204);
    expect(await statusOf(`${api}/metrics`)).toBe(200);
  });
});
