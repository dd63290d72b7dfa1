import { describe, expect, it } from '@jest/globals';
import { portSpan } from '../../services/local/plan.ts';
import { numRuns } from '../support/data.ts';
import { runOutage } from '../support/outage.ts';
import { freePortBase } from '../support/ports.ts';

/** Nobody touches anything by hand: the ledger brings what the broker had given up. */
describe('a service that is away for ten times the delivery budget, with the ledger killed twice meanwhile', () => {
  it.each(['shipping', 'payment'])(
    '%s: every order reaches its end, every parcel the last accepted address',
    async (service) => {
      const orders = numRuns(60);
      const portBase = await freePortBase(portSpan());
      const report = await runOutage({ service, portBase, orders, changes: Math.ceil(orders / 5) });
      expect(report.faults).toEqual([]);
      expect(report.deadLetters).toBeGreaterThan(orders / 2);
      expect(report.orders).toBe(orders);
    },
    240_000,
  );
});
