import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCollector, type CollectedSpan, type Collector } from '../support/collector.ts';
import { newAddress, orderBody } from '../support/customer.ts';
import { STAFF_TOKEN } from '../support/service.ts';
import { freePortBase } from '../support/ports.ts';
import { openShop, shipmentIdOf } from '../support/shop.ts';

const NAMESPACE = 'shop.tradewind';

describe('the traces of a shop', () => {
  let collector: Collector;
  let orderId = '';
  beforeAll(async () => {
    collector = await openCollector();
    await using test = await openShop({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    const ada = test.customer();
    orderId = await ada.place();
    await ada.waitFor(orderId, 'confirmed');
    await ada.moveTo(newAddress);
    await ada.insist('POST', '/api/orders', {
      body: { ...orderBody(), shippingAddress: newAddress, lines: [] },
    });
    const declined = await ada.place({ paymentToken: 'tok_declined' });
    await ada.waitFor(declined, 'rejected');
    await test.staff('shipping', 'POST', `/api/shipments/${shipmentIdOf(orderId)}/dispatch`);
    await ada.waitFor(orderId, 'shipped');
    await test.settle();
  });
  afterAll(async () => {
    await collector[Symbol.asyncDispose]();
  });

  /** The span of what a service did, in the trace of the order. */
  function find(service: string, name: string): CollectedSpan {
    const { traceId } = placing();
    const found = collector
      .named(name)
      .filter((span) => span.service === service && span.traceId === traceId);
    expect([service, name, found.length]).toEqual([service, name, 1]);
    return found[0] as CollectedSpan;
  }

  function placing(): CollectedSpan {
    const [about] = collector
      .named(`process ${NAMESPACE}.order.placed.v1`)
      .filter(({ attributes }) => attributes['cloudevents.event_subject'] === orderId);
    const found = collector.spans.find(({ spanId }) => spanId === about?.parentId);
    if (!found) throw new Error('nobody has placed the order');
    return found;
  }

  it('tell the way of an order through all services in one', () => {
    expect(placing()).toMatchObject({
      service: 'storefront',
      name: 'POST /api/orders',
      kind: 'server',
      parentId: '',
    });
    const services = collector.spans
      .filter(({ traceId }) => traceId === placing().traceId)
      .map(({ service }) => service);
    expect([...new Set(services)].toSorted()).toEqual([
      'inventory',
      'ledger',
      'payment',
      'shipping',
      'storefront',
    ]);
  });

  it('hang what was done under what caused it', () => {
    const placed = `${NAMESPACE}.order.placed.v1`;
    const children = [
      find('storefront', `send ${placed}`),
      find('payment', `process ${placed}`),
      find('inventory', `process ${placed}`),
      find('shipping', `process ${placed}`),
      find('shipping', `process ${NAMESPACE}.order.addressed.v1`),
    ];
    expect(children.map(({ parentId }) => parentId)).toEqual(children.map(() => placing().spanId));

    const authorizing = find('payment', 'task authorize');
    expect(authorizing.parentId).toBe(find('payment', `process ${placed}`).spanId);
    const authorized = `${NAMESPACE}.payment.authorized.v1`;
    for (const span of [
      find('payment', `send ${authorized}`),
      find('shipping', `process ${authorized}`),
      find('storefront', `process ${authorized}`),
    ])
      expect(span.parentId).toBe(authorizing.spanId);
  });

  it('name the order and the event on every message', () => {
    expect(find('payment', `process ${NAMESPACE}.order.placed.v1`)).toMatchObject({
      kind: 'consumer',
      attributes: {
        'messaging.system': 'knative',
        'messaging.operation.type': 'process',
        'messaging.message.conversation_id': orderId,
        'messaging.message.id': expect.stringMatching(/^[\da-f-]{36}$/),
        'cloudevents.event_type': `${NAMESPACE}.order.placed.v1`,
        'cloudevents.event_source': '/tradewind/storefront',
        'cloudevents.event_subject': orderId,
        'tradewind.event.outcome': 'handled',
      },
    });
  });

  it('hold no address, contact, token or secret', () => {
    const text = Buffer.concat(collector.bodies).toString();
    expect(text).toContain(orderId);
    expect(
      collector.named('POST /api/orders').map(({ attributes }) => attributes['http.response.status_code']),
    ).toEqual(expect.arrayContaining(['201', '422']));
    for (const secret of [
      'Hafenstra',
      'Deichweg',

      'Hamburg',
      'Lindqvist',
      'example.com',
      'tok_',
      STAFF_TOKEN,
    ])
      expect([secret, text.includes(secret)]).toEqual([secret, false]);
  });

  it('hold up neither an order nor the end of the shop while their collector is away', async () => {
    const endpoint = `http://127.0.0.1:${await freePortBase(1)}`;
    await using test = await openShop({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } });
    const ada = test.customer();
    await ada.waitFor(await ada.place(), 'confirmed');
    await test.settle();
    const before = performance.now();
    await test.shop.close();
    expect(performance.now() - before).toBeLessThan(5000);
  });
});
