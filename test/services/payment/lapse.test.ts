import { afterEach, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../../events/order.ts';
import { shipmentCancelled, shipmentDispatched } from '../../../events/shipment.ts';
import { payment } from '../../../services/payment/service.ts';
import { startTestService, type Answer, type TestService } from '../../support/service.ts';

const { orderId, total } = orderPlaced.example;
const TOTAL = total.amount;
const DAY_MS = 86_400_000;

describe('an authorization does not last for ever: payment', () => {
  let shop: TestService;
  afterEach(() => shop.close());

  async function start(env: Record<string, string> = {}): Promise<void> {
    shop = await startTestService(payment, env);
  }
  const place = (data: { paymentToken?: string } = {}): Promise<number> =>
    shop.deliver(orderPlaced, { ...orderPlaced.example, ...data });
  const dispatch = (): Promise<number> => shop.deliver(shipmentDispatched, shipmentDispatched.example);
  const cancel = (): Promise<number> => shop.deliver(shipmentCancelled, shipmentCancelled.example);
  const get = (): Promise<Answer> => shop.call('GET', `/api/payments/${orderId}`, { staff: true });
  const told = (): string[] => shop.sink.events.map(({ type }) => type.split('.')[3] ?? '');

  it('authorizes anew when the authorization had lapsed at the capture', async () => {
    await start();
    await place({ paymentToken: 'tok_expires' });
    await shop.settle();
    await shop.advance(6000);
    await dispatch();
    await shop.settle();
    const { body } = await get();
    expect(body).toMatchObject({ status: 'captured', authorized: 2 * TOTAL, lapsed: TOTAL, captured: TOTAL });
    expect(told()).toEqual(['authorized', 'captured']);
  });

  it('tells that a capture failed when the new authorization is declined', async () => {
    await start({ SIMULATOR_SHORT_HOLD: '1s' });
    await place({ paymentToken: 'tok_expires_declined' });
    await shop.settle();
    await shop.advance(1000);
    await dispatch();
    await shop.settle();
    expect((await get()).body).toMatchObject({
      status: 'capture_failed',
      captured: 0,
      reason: 'card_declined',
    });
    expect(told()).toEqual(['authorized', 'capturefailed']);
    const { body } = await shop.call('GET', '/metrics');
    expect(body).toMatch(/tradewind_payments_capture_failed\{.*\} 1\n/);
  });

  it('renews an authorization before it ends while the parcel waits', async () => {
    await start();
    await place();
    await shop.settle();
    await shop.advance(6 * DAY_MS + 1000);
    expect((await get()).body).toMatchObject({ status: 'authorized', authorized: 2 * TOTAL, voided: TOTAL });
    await shop.advance(6 * DAY_MS + 1000);
    await dispatch();
    await shop.settle();
    expect((await get()).body).toMatchObject({ authorized: 3 * TOTAL, voided: 2 * TOTAL, captured: TOTAL });
    expect(told()).toEqual(['authorized', 'captured']);
    await shop.advance(30 * DAY_MS);
    expect((await get()).body.entries).toHaveLength(6);
  });

  it('tells, while the parcel is here and the money still held, that it will not be held for long', async () => {
    await start({ SIMULATOR_SHORT_HOLD: '10d' });
    await place({ paymentToken: 'tok_expires_declined' });
    await shop.settle();
    await shop.advance(9 * DAY_MS + 1000);
    expect(told()).toEqual(['authorized']);
    await shop.advance(0.75 * DAY_MS);
    expect(told()).toEqual(['authorized', 'renewaldeclined']);
    expect(shop.sink.events[1]?.data['expiresAt']).toBe(shop.sink.events[0]?.data['expiresAt']);
    await cancel();
    await shop.settle();
    expect((await get()).body).toMatchObject({ status: 'voided', authorized: TOTAL, voided: TOTAL });
    expect(told()).toEqual(['authorized', 'renewaldeclined', 'voided']);
    await shop.advance(30 * DAY_MS);
    expect(told()).toHaveLength(3);
  });
});
