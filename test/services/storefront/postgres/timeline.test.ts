import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { paymentAuthorized } from '../../../../events/payment.ts';
import { stockReserved } from '../../../../events/stock.ts';
import { startService, type RunningService } from '../../../../platform/runtime.ts';
import { readSettings } from '../../../../platform/settings.ts';
import { storefront } from '../../../../services/storefront/service.ts';
import { orderBody } from '../../../support/customer.ts';
import { call, deliver, STAFF_TOKEN, type Answer, type TestService } from '../../../support/service.ts';
import { watch, type Watch } from '../../../support/sse.ts';
import { SESSION_SECRET, place, startStorefront, type Purchase } from '../shop.ts';

describe('two storefronts on one database', () => {
  let first: TestService;
  let second: RunningService;
  const open: Watch[] = [];
  beforeEach(async () => {
    first = await startStorefront({ TIMELINE_POLL: '100ms' });
    const env = { PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent', STAFF_TOKEN, SESSION_SECRET };
    const settings = { ...env, TIMELINE_POLL: '100ms', K_SINK: first.sink.url, ...first.data.env };
    second = await startService(storefront, readSettings(storefront, settings));
  });
  afterEach(async () => {
    for (const stream of open.splice(0)) stream.close();
    await second.close();
    await first.close();
  });

  async function follow(url: string, { id, cookie }: Purchase): Promise<Watch> {
    const stream = await watch(`${url}/api/orders/${id}/timeline`, { cookie });
    open.push(stream);
    return stream;
  }

  it('tell their customers what the other one has heard, in order and each thing once', async () => {
    const order = await place(first);
    const streams = [await follow(first.service.url, order), await follow(second.url, order)];
    await deliver(second.url, paymentAuthorized, { ...paymentAuthorized.example, ...order.paid });
    await deliver(first.service.url, stockReserved, { ...stockReserved.example, ...order.ids });
    for (const stream of streams) {
      expect((await stream.take(3)).map(({ id, event }) => [id, event])).toEqual([
        ['1', 'order.placed'],
        ['2', 'payment.authorized'],
        ['3', 'stock.reserved'],
      ]);
    }
  });

  it('give one order to who asks both at once under one key, and to both the same answer', async () => {
    const answers = await Promise.all([1, 2, 3].flatMap(() => [ask(first.service.url), ask(second.url)]));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    const rows = await first.data.rows('storefront', 'storefront', 'select order_id from orders');
    expect(rows).toHaveLength(1);
  });
});

function ask(url: string): Promise<Answer> {
  const headers = { 'idempotency-key': 'a-key-that-nobody-guesses' };
  return call(url, 'POST', '/api/orders', { body: orderBody(), headers });
}
