import { describe, expect, it } from '@jest/globals';
import { createLog } from '../../../platform/log.ts';
import { readSettings } from '../../../platform/settings.ts';
import { storageOf } from '../../../platform/store/open.ts';
import { Simulator } from '../../../services/payment/simulator.ts';
import { payment } from '../../../services/payment/service.ts';
import { until } from '../../support/until.ts';
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
  /** Keys that it remembers. */
  keys(): Promise<string[]>;
  pass(days: number): void;
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
    await storage.release();
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
    async keys() {
      const sql = 'select idempotency_key as "key" from calls order by 1';
      return (await data.rows<{ key: string }>('payment', 'simulator', sql)).map(({ key }) => key);
    },
    pass(days) {
      offset += days * 86_400_000;
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
    await until('the first call has done its work', async () => (await simulator.books()).held === AMOUNT);
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

  it('forgets its keys in the end, and none that may still come again', async () => {
    await using simulator = await open();
    const call = (key: string) => simulator.gateway.authorize(authorizeRequest(key, 'tok_visa'));
    for (const key of ['a', 'b', 'c']) await call(key);
    simulator.pass(29);
    await call('d');
    expect(await simulator.keys()).toEqual(['a', 'b', 'c', 'd']);
    simulator.pass(2);
    await call('e');
    await call('f');
    expect(await simulator.keys()).toEqual(['d', 'e', 'f']);
  });

  it('lets a hold be taken or let go, not both, even when it is asked for both at once', async () => {
    await using simulator = await open();
    for (let round = 0; round < 10; round += 1) {
      const answer = await simulator.gateway.authorize(authorizeRequest(`a${round}`, 'tok_visa'));
      const reference = answer.outcome === 'approved' ? answer.reference : '';
      const results = await Promise.allSettled([
        simulator.gateway.capture(settleRequest(`c${round}`, reference)),
        simulator.gateway.void(settleRequest(`v${round}`, reference)),
      ]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  });

  it('keeps no key of a call that failed', async () => {
    await using simulator = await open();
    const request = settleRequest('c', 'ch_of_nobody');
    await expect(simulator.gateway.capture(request)).rejects.toThrow(/no charge ch_of_nobody/);
    await expect(simulator.gateway.capture(request)).rejects.toThrow(/no charge ch_of_nobody/);
  });
});
