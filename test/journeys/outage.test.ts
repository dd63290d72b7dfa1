import { describe, expect, it } from '@jest/globals';
import { portSpan } from '../../services/local/plan.ts';
import { runOutage } from '../support/outage.ts';
import { freePortBase } from '../support/ports.ts';

/** Nobody touches anything by hand: the ledger brings what the broker had given up. */
describe('a service that is away for ten times the delivery budget, with the ledger killed twice meanwhile', () => {
  it.each(['shipping', 'payment'])(
    '%s: every order reaches its end, every parcel the last accepted address',
    async (service) => {
      const report = await runOutage({
        service,
        portBase: await freePortBase(portSpan()),
        orders: 100,
        changes: 20,
      });
      expect(report.faults).toEqual([]);
      expect(report.deadLetters).toBeGreaterThan(50);
      expect(report.orders).toBe(100);
    },
    240_000,
  );
});
