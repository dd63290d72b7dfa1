import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { listen, type Listening } from '../../platform/http/listen.ts';
import { enqueue } from '../../platform/store/outbox.ts';
import { asked, exampleService } from '../support/example.ts';
import { startTestService, type TestService } from '../support/service.ts';
import type { SentEvent } from '../support/sink.ts';
import { until } from '../support/until.ts';

/** A broker whose answers the test gives. */
class Broker {
  readonly received: SentEvent[] = [];
  answer: (event: SentEvent, response: ServerResponse) => void = (_event, response) => {
    response.writeHead(202).end();
  };
  #listening: Listening | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/default/shop`;
  }

  async open(): Promise<void> {
    this.#listening = await listen(
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const event = JSON.parse(Buffer.concat(chunks).toString()) as SentEvent;
          this.received.push(event);
          this.answer(event, response);
        });
      },
      this.#port,
      '127.0.0.1',
    );
    this.#port = this.#listening.port;
  }

  async close(): Promise<void> {
    await this.#listening?.close(0);
    this.#listening = undefined;
  }

  names(): unknown[] {
    return this.received.map((event) => event.data['name']);
  }
}

describe('the relay', () => {
  const broker = new Broker();
  let service: TestService | undefined;
  const start = async (env: Record<string, string> = {}): Promise<TestService> => {
    await broker.open();
    service = await startTestService(exampleService(), {
      K_SINK: broker.url,
      SHUTDOWN_GRACE: '200ms',
      ...env,
    });
    return service;
  };
  const ask = async (name: string, by = 'ada'): Promise<void> => {
    expect(await service?.deliver(asked, { name, by })).toBe(204);
  };
  afterEach(async () => {
    await service?.close();
    await broker.close();
    broker.received.length = 0;
    broker.answer = (_event, response) => void response.writeHead(202).end();
  });

  it.each([500, 503, 404, 400, 429, 302])('sends an event again, unchanged, after %i', async (status) => {
    const { settle } = await start();
    broker.answer = (_event, response) =>
      void response.writeHead(broker.received.length < 2 ? status : 202).end();
    await ask('why');
    await settle();
    expect(broker.received).toHaveLength(2);
    expect(broker.received[1]).toEqual(broker.received[0]);
  });

  it('sends an event again when the connection breaks before the answer', async () => {
    const { settle } = await start();
    broker.answer = (_event, response) =>
      void (broker.received.length < 2 ? response.destroy() : response.writeHead(202).end());
    await ask('why');
    await settle();
    expect(new Set(broker.received.map((event) => event.id)).size).toBe(1);
  });

  it('sends an event again when no answer comes in time', async () => {
    const { settle } = await start({ RELAY_TIMEOUT: '300ms' });
    broker.answer = (_event, response) => {
      if (broker.received.length > 1) response.writeHead(202).end();
    };
    await ask('why');
    await settle();
    expect(broker.received).toHaveLength(2);
  });

  it('keeps the order of one key, even when its first event has to be repeated', async () => {
    const { settle } = await start();
    let failures = 2;
    broker.answer = (event, response) =>
      void response.writeHead(event.data['name'] === '0' && failures-- > 0 ? 503 : 202).end();
    for (const name of ['0', '1', '2', '3']) await ask(name);
    await settle();
    expect(broker.names()).toEqual(['0', '0', '0', '1', '2', '3']);
  });

  it('lets no key wait for another one', async () => {
    await start();
    broker.answer = (event, response) => {
      if (event['partitionkey'] !== 'stuck') response.writeHead(202).end();
    };
    await ask('slow', 'stuck');
    await ask('behind', 'stuck');
    await ask('quick', 'free');
    await until('the free key is through', () => broker.names().includes('quick'));
    expect(broker.names()).not.toContain('behind');
    broker.received.length = 0;
    broker.answer = (_event, response) => void response.writeHead(202).end();
    await service?.restart();
    await service?.settle();
    expect(broker.names()).toEqual(['slow', 'behind']);
  });

  it('keeps events while the broker is down, and sends them when it is back', async () => {
    const { settle } = await start();
    await broker.close();
    for (const name of ['0', '1', '2']) await ask(name);
    expect(await service?.service.idle()).toBe(false);
    await broker.open();
    await settle();
    expect(broker.names()).toEqual(['0', '1', '2']);
  });

  it('sends what an earlier run has left, with the ids it had', async () => {
    await start();
    broker.answer = (_event, response) => void response.writeHead(503).end();
    await ask('left');
    await until('a first try', () => broker.received.length > 0);
    broker.answer = (_event, response) => void response.writeHead(202).end();
    await service?.restart();
    await service?.settle();
    expect(new Set(broker.received.map((event) => event.id)).size).toBe(1);
  });

  it('sends nothing twice once it was taken, over restarts', async () => {
    const { settle } = await start();
    for (const name of ['0', '1', '2']) await ask(name);
    await settle();
    await service?.restart();
    await ask('3');
    await settle();
    expect(broker.names()).toEqual(['0', '1', '2', '3']);
  });

  it('sets the extensions that a SinkBinding asks for on every event', async () => {
    const { settle } = await start({
      K_CE_OVERRIDES: '{"extensions":{"shopenv":"test","partitionkey":"x"}}',
    });
    await ask('why');
    await settle();
    expect(broker.received).toEqual([
      expect.objectContaining({ shopenv: 'test', partitionkey: 'x', subject: 'why' }),
    ]);
  });

  it('keeps many posts in flight, and gets through a backlog larger than its memory', async () => {
    const { service: running, settle } = await start({ RELAY_IN_FLIGHT: '64' });
    let now = 0;
    let most = 0;
    broker.answer = (_event, response) => {
      now += 1;
      most = Math.max(most, now);
      setImmediate(() => {
        now -= 1;
        response.writeHead(202).end();
      });
    };
    await running.store.write(async (tx) => {
      const rows = Array.from({ length: 5000 }, (_, n) => ({
        partitionKey: `key-${n % 500}`,
        event: JSON.stringify({ id: String(n), data: { name: String(n) } }),
      }));
      await enqueue(tx, rows, new Date());
    });
    running.wake();
    await settle();
    expect(new Set(broker.names()).size).toBe(5000);
    expect(broker.received).toHaveLength(5000);
    expect(most).toBeGreaterThan(16);
    expect(most).toBeLessThanOrEqual(64);
  });
});

describe('without a sink', () => {
  it('events are kept until one is known', async () => {
    const service = await startTestService(exampleService(), { K_SINK: '' });
    expect(await service.deliver(asked, asked.example)).toBe(204);
    expect(await service.service.store.read.get('select count(*) as n from outbox')).toEqual({ n: 1 });
    expect((await service.call('GET', '/readyz')).status).toBe(200);
    await service.close();
  });
});
