import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { stockLevelChanged } from '../../../events/stock.ts';
import openingStock from '../../../services/inventory/stock.json' with { type: 'json' };
import type { TestService } from '../../support/service.ts';
import { levelOf, receive, startInventory } from './stock.ts';

describe('goods receipts', () => {
  let service: TestService;
  beforeEach(async () => {
    service = await startInventory({ rope: 10, buoy: 1 });
    await service.advance(1000);
    service.sink.events.length = 0;
  });
  afterEach(() => service.close());

  it('raise the level and tell it', async () => {
    const { status, body } = await receive(service, 'rope', { quantity: 5 });
    expect([status, body]).toEqual([
      201,
      { sku: 'rope', onHand: 15, reserved: 0, available: 15, revision: 2 },
    ]);
    await service.advance(1000);
    expect(service.sink.ofType(stockLevelChanged.type).map((event) => event.data)).toEqual([body]);
  });

  it('are booked once per delivery note and article, even when they are sent at the same time', async () => {
    const receipt = { quantity: 5, reference: 'DN-1' };
    const answers = await Promise.all([1, 2, 3, 4].map(() => receive(service, 'rope', receipt)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(await levelOf(service, 'rope')).toMatchObject({ onHand: 15, revision: 2 });
    expect((await receive(service, 'buoy', receipt)).status).toBe(201);
  });

  it('of one delivery note with another quantity are a conflict, and change nothing', async () => {
    await receive(service, 'rope', { quantity: 5, reference: 'DN-1' });
    const { status, body } = await receive(service, 'rope', { quantity: 6, reference: 'DN-1' });
    expect([status, body.detail]).toEqual([409, 'receipt "DN-1" was booked with 5 pieces, not 6']);
    expect(await levelOf(service, 'rope')).toMatchObject({ onHand: 15 });
  });

  it('without a delivery note are booked each time', async () => {
    await receive(service, 'rope', { quantity: 5 });
    await receive(service, 'rope', { quantity: 5 });
    expect(await levelOf(service, 'rope')).toMatchObject({ onHand: 20 });
  });
});

describe('the opening stock', () => {
  it('is there at the first start, and is not added again at the next', async () => {
    await using service = await startInventory({});
    const [first] = openingStock;
    const sku = first?.sku ?? '';
    await receive(service, sku, { quantity: 1 });
    const before = await levelOf(service, sku);
    await service.restart();
    expect(await levelOf(service, sku)).toEqual(before);
    expect(before.onHand).toBe((first?.quantity ?? 0) + 1);
  });
});

describe('the API of the stock', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startInventory({ rope: 10 });
  });
  afterAll(() => service.close());

  it('lists every article, whose levels add up', async () => {
    const { status, body } = await service.call('GET', '/api/stock', { staff: true });
    expect(status).toBe(200);
    expect(body.items.length).toBeGreaterThan(openingStock.length);
    for (const { onHand, reserved, available } of body.items) expect(available).toBe(onHand - reserved);
  });

  it.each<[string, number, string, () => ReturnType<TestService['call']>]>([
    ['a list without a token', 401, 'authorization', () => service.call('GET', '/api/stock')],
    [
      'a list with a wrong token',
      401,
      'not valid',
      () => service.call('GET', '/api/stock', { headers: { authorization: 'Bearer wrong' } }),
    ],
    [
      'a receipt without a token',
      401,
      'authorization',
      () => service.call('POST', '/api/stock/rope/receipts', { body: { quantity: 1 } }),
    ],
    ['an article that is not there', 404, '"anchor"', () => receive(service, 'anchor', { quantity: 1 })],
    ['no quantity', 422, 'quantity', () => receive(service, 'rope', {})],
    ['a quantity of 0', 422, 'quantity', () => receive(service, 'rope', { quantity: 0 })],
    ['a negative quantity', 422, 'quantity', () => receive(service, 'rope', { quantity: -1 })],
    ['a fraction', 422, 'quantity', () => receive(service, 'rope', { quantity: 1.5 })],
    ['an absurd quantity', 422, 'quantity', () => receive(service, 'rope', { quantity: 1_000_001 })],
    ['text as quantity', 422, 'quantity', () => receive(service, 'rope', { quantity: '1' })],
    ['an empty reference', 422, 'reference', () => receive(service, 'rope', { quantity: 1, reference: '' })],
    [
      'a reference with a control character',
      422,
      'reference',
      () => receive(service, 'rope', { quantity: 1, reference: 'DN\u0000' }),
    ],
    ['an article name with a control character', 422, 'sku', () => receive(service, '%00', { quantity: 1 })],
    ['an article name too long', 422, 'sku', () => receive(service, 'x'.repeat(65), { quantity: 1 })],
    ['broken JSON', 400, 'body', () => receive(service, 'rope', '{"quantity":')],
    [
      'another content type',
      415,
      'content-type',
      () =>
        service.call('POST', '/api/stock/rope/receipts', {
          staff: true,
          body: 'quantity=1',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
    ],
    ['a body over the limit', 413, 'bytes', () => receive(service, 'rope', { note: 'x'.repeat(1_100_000) })],
    ['another method', 405, 'use GET', () => service.call('DELETE', '/api/stock', { staff: true })],
  ])('answers %s with %i and says what to mend', async (_what, status, says, request) => {
    const answer = await request();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(JSON.stringify(answer.body)).toContain(says.replaceAll('"', String.raw`\"`));
    expect(await levelOf(service, 'rope')).toMatchObject({ onHand: 10, revision: 1 });
  });
});
