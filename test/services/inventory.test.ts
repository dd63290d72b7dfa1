import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../events/order.ts';
import { shipmentDispatched } from '../../events/shipment.ts';
import { inventory } from '../../services/inventory/service.ts';
import { startTestService, type TestService } from '../support/service.ts';

describe('inventory', () => {
  let shop: TestService;
  beforeEach(async () => {
    shop = await startTestService(inventory);
  });
  afterEach(() => shop.close());

  it('sets an order’s goods aside once, whatever the number of deliveries', async () => {
    const before = await levelOf(orderPlaced.example.lines[0]?.sku ?? '');
    expect(await shop.deliver(orderPlaced, orderPlaced.example, { id: 'same' })).toBe(204);
    expect(await shop.deliver(orderPlaced, orderPlaced.example, { id: 'same' })).toBe(204);
    expect(await shop.deliver(orderPlaced, orderPlaced.example, { id: 'another' })).toBe(204);
    const after = await levelOf(orderPlaced.example.lines[0]?.sku ?? '');
    expect(after).toMatchObject({ reserved: before.reserved + 2, onHand: before.onHand });
    await shop.settle();
    expect(shop.sink.ofType('shop.tradewind.stock.reserved.v1')).toHaveLength(1);
  });

  it('takes the goods off the shelf when the parcel leaves', async () => {
    const sku = orderPlaced.example.lines[0]?.sku ?? '';
    const before = await levelOf(sku);
    await shop.deliver(shipmentDispatched, shipmentDispatched.example);
    await shop.deliver(orderPlaced, orderPlaced.example);
    expect(await levelOf(sku)).toMatchObject({ reserved: before.reserved, onHand: before.onHand - 2 });
  });

  async function levelOf(sku: string): Promise<{ onHand: number; reserved: number }> {
    const { body } = await shop.call('GET', '/api/stock', { staff: true });
    return body.items.find((level: { sku: string }) => level.sku === sku);
  }
});
