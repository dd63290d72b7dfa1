import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderAddressed, orderCancellationRequested, orderPlaced } from '../../../events/order.ts';
import { paymentDeclined } from '../../../events/payment.ts';
import type { TestService } from '../../support/service.ts';
import { shipmentIdOf, startShipping, Teller } from './parcels.ts';

describe('the API of shipping', () => {
  let service: TestService;
  let teller: Teller;
  beforeEach(async () => {
    service = await startShipping();
    teller = new Teller(service);
  });
  afterEach(() => service.close());

  const act = (orderId: string, what: string) => teller.staff('POST', `/${shipmentIdOf(orderId)}/${what}`);

  it('shows a shipment with all that staff needs', async () => {
    await teller.prepare('TW-1');
    const { status, headers, body } = await teller.staff('GET', '/SHP-1');
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      id: 'SHP-1',
      orderId: 'TW-1',
      customerId: orderPlaced.example.customerId,
      state: 'prepared',
      lines: orderPlaced.example.lines.map(({ sku, name, quantity }) => ({ sku, name, quantity })),
      address: { ...orderAddressed.example.address, line1: 'Deichweg 1' },
      addressRevision: 1,
      trackingNumber: expect.stringMatching(/^TW1\d$/),
      preparedAt: expect.any(String),
      labels: [{ revision: 1, createdAt: body.preparedAt }],
    });
  });

  it('hands a parcel over once, and answers the second call like the first', async () => {
    await teller.prepare('TW-1');
    const first = await act('TW-1', 'dispatch');
    const second = await act('TW-1', 'dispatch');
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(first.body).toMatchObject({ id: 'SHP-1', state: 'dispatched', dispatchedAt: expect.any(String) });
    expect(second.body).toEqual(first.body);
    expect((await teller.told('TW-1')).map(({ event }) => event)).toEqual(['prepared', 'dispatched']);
  });

  it('takes a delivery once', async () => {
    await teller.prepare('TW-1');
    expect(await act('TW-1', 'delivery')).toMatchObject({
      status: 409,
      body: { detail: 'shipment "SHP-1" is prepared' },
    });
    await act('TW-1', 'dispatch');
    const first = await act('TW-1', 'delivery');
    expect(first).toMatchObject({ status: 200, body: { state: 'delivered' } });
    expect((await act('TW-1', 'delivery')).body).toEqual(first.body);
    expect(await act('TW-1', 'dispatch')).toMatchObject({ status: 200, body: first.body });
    expect((await teller.told('TW-1')).at(-1)).toEqual({
      event: 'delivered',
      deliveredAt: first.body.deliveredAt,
    });
  });

  it('hands over only what is prepared, and says why', async () => {
    await teller.say(orderPlaced, 'TW-WAITS');
    await teller.say(orderCancellationRequested, 'TW-CANCELLED');
    await teller.say(paymentDeclined, 'TW-CLOSED');
    const problems = [];
    for (const orderId of ['TW-WAITS', 'TW-CANCELLED', 'TW-CLOSED']) {
      for (const what of ['dispatch', 'delivery']) {
        const { status, headers, body } = await act(orderId, what);
        problems.push([status, headers.get('content-type'), body.detail]);
      }
    }
    const type = 'application/problem+json; charset=utf-8';
    const twice = (detail: string) => [
      [409, type, detail],
      [409, type, detail],
    ];
    expect(problems).toEqual([
      ...twice('shipment "SHP-WAITS" is waiting for its address and its payment and its stock'),
      ...twice('shipment "SHP-CANCELLED" is cancelled (requested)'),
      ...twice('shipment "SHP-CLOSED" is closed (payment_declined)'),
    ]);
  });

  it('lists shipments by state, page after page, each once', async () => {
    const orders = Array.from({ length: 7 }, (_, index) => `TW-N${index}`);
    for (const orderId of orders) await teller.say(orderPlaced, orderId);
    await teller.prepare('TW-READY');
    const seen: string[] = [];
    let query = '?state=waiting&limit=3';
    for (let page = 0; page < 3; page += 1) {
      const { status, body } = await teller.staff('GET', query);
      expect(status).toBe(200);
      seen.push(...body.items.map((item: { orderId: string }) => item.orderId));
      expect(typeof body.next).toBe(page < 2 ? 'string' : 'undefined');
      query = `?state=waiting&limit=3&cursor=${body.next}`;
    }
    expect(seen).toEqual(orders);
    expect((await teller.staff('GET', '?state=prepared')).body.items).toMatchObject([{ id: 'SHP-READY' }]);
    expect((await teller.staff('GET', '')).body.items).toHaveLength(8);
  });

  it.each([
    ['GET', '?state=lost', 422, 'state'],
    ['GET', '?limit=0', 422, 'limit'],
    ['GET', '?limit=501', 422, 'limit'],
    ['GET', '?limit=ten', 422, 'limit'],
    ['GET', '?limit=1.5', 422, 'limit'],
    ['GET', '?cursor=nonsense', 422, 'cursor'],
    ['GET', `?cursor=${'x'.repeat(300)}`, 422, 'cursor'],
    ['GET', `/${'S'.repeat(65)}`, 422, 'id'],
  ])('refuses %s %s with %i, naming %s', async (method, path, expected, field) => {
    const { status, body } = await teller.staff(method, path);
    expect([status, body.errors]).toEqual([expected, [{ field, message: expect.any(String) }]]);
    expect(body.detail).toContain(`${field}: `);
  });

  it('says what a state or a limit may be', async () => {
    expect((await teller.staff('GET', '?state=lost')).body.detail).toContain(
      'must be one of waiting, prepared,',
    );
    expect((await teller.staff('GET', '?limit=ten')).body.detail).toBe(
      'limit: must be a whole number from 1 to 500',
    );
  });

  it.each([
    ['GET', '/SHP-1'],
    ['GET', '/TW-1'],
    ['GET', '/SHP-'],
    ['GET', '/SHP-1/label.pdf'],
    ['POST', '/SHP-1/dispatch'],
    ['POST', '/SHP-1/delivery'],
  ])('answers %s %s with 404 when there is no such shipment', async (method, path) => {
    const { status, body } = await teller.staff(method, path);
    expect([status, body.detail]).toEqual([404, `there is no shipment "${path.split('/')[1]}"`]);
  });

  it.each([
    ['GET', ''],
    ['GET', '/SHP-1'],
    ['GET', '/SHP-1/label.pdf'],
    ['POST', '/SHP-1/dispatch'],
    ['POST', '/SHP-1/delivery'],
  ])('answers %s /api/shipments%s with 401 to whoever is no staff', async (method, path) => {
    await teller.prepare('TW-1');
    const url = `/api/shipments${path}`;
    expect((await service.call(method, url)).status).toBe(401);
    const headers = { authorization: 'Bearer not-the-staff-token' };
    expect((await service.call(method, url, { headers })).status).toBe(401);
    expect(await teller.shipment('TW-1')).toMatchObject({ state: 'prepared' });
  });

  it.each([
    ['DELETE', '', 'GET'],
    ['PUT', '/SHP-1', 'GET'],
    ['GET', '/SHP-1/dispatch', 'POST'],
    ['POST', '/SHP-1/label.pdf', 'GET'],
  ])('answers %s /api/shipments%s with 405, allowing %s', async (method, path, allowed) => {
    const { status, headers } = await teller.staff(method, path);
    expect([status, headers.get('allow')]).toEqual([405, allowed]);
  });
});
