import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Entry } from '../../../services/payment/payment.ts';
import { payment } from '../../../services/payment/service.ts';
import { listEntries, record } from '../../../services/payment/store.ts';
import { startTestService, type TestService } from '../../support/service.ts';

const entry = (kind: Entry['kind'], amount: number, round = 1): Entry => ({
  kind,
  round,
  amount,
  currency: 'EUR',
  reference: 'ch_1',
  key: `PAY-1:${kind}:${round}`,
});

describe('the stored ledger', () => {
  let shop: TestService;
  beforeEach(async () => {
    shop = await startTestService(payment);
  });
  afterEach(() => shop.close());

  const write = (...entries: Entry[]): Promise<void> =>
    shop.service.store.write((tx) => record(tx, 'TW-1', entries, new Date()));
  const kinds = async (): Promise<string[]> =>
    (await listEntries(shop.service.store.read, 'TW-1')).map(({ kind }) => kind);

  it('keeps lines in their order', async () => {
    await write(entry('authorized', 100));
    await write(entry('captured', 100), entry('refunded', 100));
    expect(await kinds()).toEqual(['authorized', 'captured', 'refunded']);
  });

  it('takes no line that does not add up, and nothing of what came with it', async () => {
    await write(entry('authorized', 100));
    await expect(write(entry('voided', 60), entry('captured', 60))).rejects.toThrow(
      /more than was authorized/,
    );
    await expect(write(entry('captured', 50), entry('refunded', 51))).rejects.toThrow(
      /more than was captured/,
    );
    expect(await kinds()).toEqual(['authorized']);
  });

  it('takes a step of an order once', async () => {
    await write(entry('authorized', 100));
    await expect(write(entry('authorized', 100))).rejects.toThrow(/UNIQUE/i);
    await write(entry('authorized', 100, 2));
    expect(await kinds()).toEqual(['authorized', 'authorized']);
  });
});
