import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { orderPlaced } from '../../events/order.ts';
import { startChild, type Child } from '../support/child.ts';
import { call, deliver, STAFF_TOKEN } from '../support/service.ts';
import { until } from '../support/until.ts';

const TOKEN = 'tok_not_for_the_log';

describe('the log of a service', () => {
  let child: Child | undefined;
  let dataDir = '';
  afterEach(async () => {
    await child?.kill();
    await rm(dataDir, { recursive: true });
  });

  async function start(format: string): Promise<Child> {
    dataDir = await mkdtemp(join(tmpdir(), 'tradewind-log-'));
    const env = {
      PORT: '0',
      HOST: '127.0.0.1',
      DATA_DIR: dataDir,
      STAFF_TOKEN,
      LOG_LEVEL: 'debug',
      LOG_FORMAT: format,
    };
    child = await startChild('run-inventory.ts', env);
    return child;
  }

  it('has one JSON object per line, with the ids of event and order, and nothing of their data', async () => {
    const service = await start('json');
    const data = { ...orderPlaced.example, paymentToken: TOKEN };
    expect(await deliver(service.url, orderPlaced, data, { id: 'good' })).toBe(204);
    expect(await deliver(service.url, orderPlaced, data, { id: 'again' })).toBe(204);
    const body = { ...data, paymentToken: [TOKEN], total: TOKEN };
    const refused = await call(service.url, 'POST', '/events', {
      body,
      headers: {
        'ce-specversion': '1.0',
        'ce-id': 'bad',
        'ce-source': orderPlaced.source,
        'ce-type': orderPlaced.type,
      },
    });
    expect(refused.status).toBe(422);
    await until('the refusal is logged', () => service.log.includes('event refused'));

    const lines = service.log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const line of lines) {
      expect(line).toMatchObject({ service: 'inventory', time: expect.stringMatching(/^\d{4}-.*Z$/) });
    }
    const { orderId } = orderPlaced.example;
    expect(lines).toContainEqual(
      expect.objectContaining({ eventId: 'good', correlationId: orderId, outcome: 'handled' }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ eventId: 'again', reason: expect.stringContaining('held') }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ eventId: 'bad', status: 422 }));
    expect(service.log).not.toContain(TOKEN);
    expect(service.log).not.toContain(STAFF_TOKEN);
  });

  it('can be read by people', async () => {
    const service = await start('text');
    await deliver(service.url, orderPlaced, orderPlaced.example, { id: 'good' });
    await until('the event is logged', () => service.log.includes('eventId=good'));
    expect(service.log).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}inventory {2}ready port=\d+/m);
  });
});
