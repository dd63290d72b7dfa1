import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuthorizeRequest, Gateway, SettleRequest } from '../../../services/payment/gateway.ts';

/** A gateway under test, and what its provider did. */
export interface GatewayUnderTest {
  readonly gateway: Gateway;
  readonly tokens: { readonly good: string; readonly declined: string; readonly insufficient: string };
  /** What the provider calls a plain refusal. */
  readonly declinedReason: string;
  /** Sums of the provider's own books, in minor units. */
  books(): Promise<{ held: number; captured: number; voided: number; refunded: number }>;
  /** Lets the time of an authorization run out. */
  lapse(reference: string): Promise<void>;
  close(): Promise<void>;
}

export const AMOUNT = 5470;

export function authorizeRequest(key: string, token: string): AuthorizeRequest {
  return { key, orderId: 'TW-1', customerId: 'cus-1', amount: AMOUNT, currency: 'EUR', token };
}

export function settleRequest(key: string, reference: string): SettleRequest {
  return { key, orderId: 'TW-1', customerId: 'cus-1', amount: AMOUNT, currency: 'EUR', reference };
}

/** What every gateway must do; run on each of them. */
export function describeGateway(name: string, open: () => Promise<GatewayUnderTest>): void {
  describe(`${name} as a gateway`, () => {
    let subject: GatewayUnderTest;
    beforeEach(async () => {
      subject = await open();
    });
    afterEach(() => subject.close());

    const authorize = (key = 'a', token = subject.tokens.good) =>
      subject.gateway.authorize(authorizeRequest(key, token));
    async function reference(): Promise<string> {
      const answer = await authorize();
      if (answer.outcome !== 'approved') throw new Error(`declined: ${answer.reason}`);
      return answer.reference;
    }

    it('holds, takes and gives back', async () => {
      const answer = await authorize();
      expect(answer).toMatchObject({ outcome: 'approved', last4: '4242' });
      const held = await reference();
      expect(await subject.gateway.capture(settleRequest('c', held))).toEqual({ outcome: 'captured' });
      const refund = await subject.gateway.refund(settleRequest('r', held));
      expect(refund).toMatchObject({ outcome: 'refunded', reference: expect.stringMatching(/^re_/) });
      expect(await subject.books()).toEqual({ held: AMOUNT, captured: AMOUNT, voided: 0, refunded: AMOUNT });
    });

    it('lets a hold go', async () => {
      expect(await subject.gateway.void(settleRequest('v', await reference()))).toEqual({
        outcome: 'voided',
      });
      expect(await subject.books()).toEqual({ held: AMOUNT, captured: 0, voided: AMOUNT, refunded: 0 });
    });

    it('gives a repeated call the answer of the first', async () => {
      const [first, ...others] = await Promise.all([authorize(), authorize(), authorize()]);
      for (const other of others) expect(other).toEqual(first);
      const held = await reference();
      for (const operation of ['capture', 'refund'] as const) {
        const answer = await subject.gateway[operation](settleRequest(operation, held));
        expect(await subject.gateway[operation](settleRequest(operation, held))).toEqual(answer);
      }
      expect(await subject.books()).toEqual({ held: AMOUNT, captured: AMOUNT, voided: 0, refunded: AMOUNT });
    });

    it('refuses a key that was used for another request', async () => {
      await authorize('a');
      const other = { ...authorizeRequest('a', subject.tokens.good), amount: 1 };
      await expect(subject.gateway.authorize(other)).rejects.toThrow();
      expect((await subject.books()).held).toBe(AMOUNT);
    });

    it('declines with the reason, and holds nothing', async () => {
      const { declined, insufficient } = subject.tokens;
      expect(await authorize('a', declined)).toEqual({ outcome: 'declined', reason: subject.declinedReason });
      expect(await authorize('b', insufficient)).toEqual({
        outcome: 'declined',
        reason: 'insufficient_funds',
      });
      expect(await authorize('c', 'tok_of_nobody')).toEqual({ outcome: 'declined', reason: 'invalid_token' });
      expect((await subject.books()).held).toBe(0);
    });

    it('says when an authorization has lapsed', async () => {
      const held = await reference();
      await subject.lapse(held);
      expect(await subject.gateway.capture(settleRequest('c', held))).toEqual({ outcome: 'lapsed' });
      expect(await subject.gateway.void(settleRequest('v', held))).toEqual({ outcome: 'lapsed' });
      expect((await subject.books()).captured).toBe(0);
    });

    it('never lets go what it has taken', async () => {
      const held = await reference();
      await subject.gateway.capture(settleRequest('c', held));
      await expect(subject.gateway.void(settleRequest('v', held))).rejects.toThrow();
      expect(await subject.books()).toMatchObject({ captured: AMOUNT, voided: 0 });
    });
  });
}
