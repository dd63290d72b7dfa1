import { describe, expect, it } from '@jest/globals';
import { createLog } from '../../../platform/log.ts';
import { readSettings } from '../../../platform/settings.ts';
import { storageOf } from '../../../platform/store/open.ts';
import { Simulator } from '../../../services/payment/simulator.ts';
import { payment } from '../../../services/payment/service.ts';
import { openTestData, type TestData } from '../../support/data.ts';
import { chargesIn } from './charges.ts';
import {
  AMOUNT,
  authorizeRequest,
  describeGateway,
  settleRequest,
  type GatewayUnderTest,
} from './gateway-contract.ts';

interface OpenSimulator extends GatewayUnderTest, AsyncDisposable {
  readonly gateway: Simulator;
  reopen(): Promise<Simulator>;
}

async function open(): Promise<OpenSimulator> {
  const data = await openTestData('simulator');
  const storage = storageOf(
    'payment',
    readSettings(payment, data.env),
    createLog({ service: 'payment', level: 'silent', format: 'json' }),
  );
  let offset = 0;
  const now = (): Date => new Date(Date.now() + offset);
  const openStore = () => storage.open('simulator');
  let store = await openStore();
  const gateway = await Simulator.open({ store, now, shortHoldMs: 1000 });
  const close = async (): Promise<void> => {
    await store.close();
    storage.release();
    await data.remove();
  };
  return {
    gateway,
    tokens: { good: 'tok_visa', declined: 'tok_declined', insufficient: 'tok_insufficient' },
    declinedReason: 'card_declined',
    books: () => booksOf(data),
    lapse: async () => {
      offset += 7 * 86_400_000;
    },
    async reopen() {
      await store.close();
      store = await openStore();
      return Simulator.open({ store, now, shortHoldMs: 1000 });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function booksOf(data: TestData): ReturnType<GatewayUnderTest['books']> {
  const sums = { held: 0, captured: 0, voided: 0, refunded: 0 };
  for (const { amount, captured, voided, refunded } of await chargesIn(data)) {
    sums.held += amount;
    sums.captured += captured;
    sums.voided += voided;
    sums.refunded += refunded;
  }
  return sums;
}

describeGateway('the simulator', open);

describe('the simulator', () => {
  it('knows its keys after it was opened anew', async () => {
    await using simulator = await open();
    const request = authorizeRequest('a', 'tok_visa');
    const first = await simulator.gateway.authorize(request);
    const reopened = await simulator.reopen();
    expect(await reopened.authorize(request)).toEqual(first);
    expect((await simulator.books()).held).toBe(AMOUNT);
  });

  it('loses the first answer on tok_lost, and gives it to the second call', async () => {
    await using simulator = await open();
    const request = authorizeRequest('a', 'tok_lost');
    const lost = simulator.gateway.authorize(request).then(() => 'answered');
    const second = await simulator.gateway.authorize(request);
    expect(second.outcome).toBe('approved');
    expect(await Promise.race([lost, Promise.resolve('still waiting')])).toBe('still waiting');
    expect((await simulator.books()).held).toBe(AMOUNT);
  });

  it('refuses to give back more than it took', async () => {
    await using simulator = await open();
    const answer = await simulator.gateway.authorize(authorizeRequest('a', 'tok_visa'));
    const reference = answer.outcome === 'approved' ? answer.reference : '';
    await expect(simulator.gateway.refund(settleRequest('r1', reference))).rejects.toThrow(/less than 5470/);
    await simulator.gateway.capture(settleRequest('c', reference));
    await simulator.gateway.refund(settleRequest('r2', reference));
    await expect(simulator.gateway.refund(settleRequest('r3', reference))).rejects.toThrow(/less than 5470/);
    expect((await simulator.books()).refunded).toBe(AMOUNT);
  });

  it('keeps no key of a call that failed', async () => {
    await using simulator = await open();
    const request = settleRequest('c', 'ch_of_nobody');
    await expect(simulator.gateway.capture(request)).rejects.toThrow(/no charge ch_of_nobody/);
    await expect(simulator.gateway.capture(request)).rejects.toThrow(/no charge ch_of_nobody/);
  });
});
