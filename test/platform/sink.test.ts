import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeliveryClient } from '../../platform/delivery/client.ts';
import { makeCertificate, type TestCertificate } from '../support/certificates.ts';
import { asked, exampleService } from '../support/example.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

let folder: string;
let broker: Receiver;
let service: TestService | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tradewind-sink-'));
  broker = await openReceiver();
});
afterEach(async () => {
  await service?.close();
  service = undefined;
  await broker.leave();
  await rm(folder, { recursive: true });
});

const ask = async (): Promise<void> => {
  expect(await service?.deliver(asked, asked.example)).toBe(204);
  await service?.settle();
};

const shown = (): (string | undefined)[] => broker.got.map(({ headers }) => headers.authorization);
const startWithFile = async (): Promise<string> => {
  const path = join(folder, 'token');
  service = await startTestService(exampleService(), { K_SINK: broker.url, OIDC_SINK_TOKEN_FILE: path });
  return path;
};

describe('the token of a SinkBinding', () => {
  it('is shown with every post, and the next one when it was renewed', async () => {
    const path = await startWithFile();
    await writeFile(path, 'first\n');
    await until('the token is shown', async () => {
      await ask();
      return shown().at(-1) === 'Bearer first';
    });
    await writeFile(path, 'second\n');
    await until('the next one is shown', async () => {
      await ask();
      return shown().at(-1) === 'Bearer second';
    });
    const changes = shown().filter((each, index, all) => each !== all[index - 1]);
    expect(changes).toEqual(['Bearer first', 'Bearer second']);
  });

  it('is not missed where there is none', async () => {
    await startWithFile();
    await ask();
    expect(shown()).toEqual([undefined]);
  });

  it('that the broker refuses loses no event', async () => {
    const path = await startWithFile();
    await writeFile(path, 'refused');
    broker.answer = (_got, response) => void response.writeHead(broker.got.length < 3 ? 401 : 202).end();
    await ask();
    expect(new Set(broker.got.map(({ body }) => body)).size).toBe(1);
    expect(broker.got).toHaveLength(3);
  });
});

const openTls = async ({ cert, key }: TestCertificate) => {
  const server = createServer({ cert, key }, (request, response) => {
    request.resume().on('end', () => response.writeHead(202).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/default/shop`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

describe('a broker behind TLS', () => {
  it('gets events when the SinkBinding names its authority, and only then', async () => {
    const tls = await makeCertificate();
    await using server = await openTls(tls);
    service = await startTestService(exampleService(), { K_SINK: server.url, SHUTDOWN_GRACE: '200ms' });
    const counted = async (result: string): Promise<number> => {
      const { values } = (await service?.service.metrics.posts.get()) ?? { values: [] };
      return values.find(({ labels }) => labels.result === result)?.value ?? 0;
    };
    await service.deliver(asked, asked.example);
    await until('a post has failed', async () => (await counted('no_answer')) > 0);
    expect(await counted('202')).toBe(0);
    await service.restart({ K_CA_CERTS: tls.ca });
    await service.settle();
    expect(await counted('202')).toBe(1);
  });

  it('can be spoken to by whoever posts to it beside the relay', async () => {
    const tls = await makeCertificate();
    await using server = await openTls(tls);
    const post = async (ca?: string): Promise<boolean> => {
      const client = new DeliveryClient(ca);
      const outcome = await client.post(new URL(server.url), { headers: {}, body: Buffer.from('{}') }, 5000);
      await client.destroy();
      return outcome.delivered;
    };
    expect(await post(tls.ca)).toBe(true);
    expect(await post()).toBe(false);
  });
});
