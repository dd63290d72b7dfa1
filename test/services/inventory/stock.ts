import { orderPlaced } from '../../../events/order.ts';
import { inventory } from '../../../services/inventory/service.ts';
import { startTestService, type Answer, type TestService } from '../../support/service.ts';

export interface Level {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly available: number;
  readonly revision: number;
}

/** The inventory with articles whose stock the test decides. */
export async function startInventory(stock: Record<string, number>, env: Record<string, string> = {}) {
  const service = await startTestService(inventory, env);
  await service.service.store.write(async (tx) => {
    for (const [sku, quantity] of Object.entries(stock)) {
      await tx.run(
        'insert into stock (sku, on_hand, reserved, revision) values ($1, $2, 0, 1)',
        sku,
        quantity,
      );
    }
  });
  return service;
}

export async function levelOf(service: TestService, sku: string): Promise<Level> {
  const { body } = await service.call('GET', '/api/stock', { staff: true });
  return (body.items as Level[]).find((level) => level.sku === sku) as Level;
}

export function receive(service: TestService, sku: string, body: unknown): Promise<Answer> {
  return service.call('POST', `/api/stock/${sku}/receipts`, { staff: true, body });
}

/** An order of articles by quantity; a list keeps its lines apart. */
export function orderOf(orderId: string, wanted: readonly (readonly [sku: string, quantity: number])[]) {
  const lines = wanted.map(([sku, quantity]) => ({ sku, quantity, name: sku, unitPrice: 100 }));
  const amount = lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0);
  return {
    ...orderPlaced.example,
    orderId,
    lines,
    shippingFee: 0,
    total: { amount, currency: 'EUR' },
  };
}

export const idsOf = (orderId: string) => ({ orderId, customerId: orderPlaced.example.customerId });
