import { describe, expect, it } from '@jest/globals';
import { runChaos } from '../../support/chaos.ts';
import { freePortBase } from '../../support/ports.ts';
import { portsOf } from '../../support/replicas.ts';

describe('a shop with two processes of each service behind a round-robin proxy', () => {
  it('loses nothing and does nothing twice, whichever are killed', async () => {
    const report = await runChaos({
      portBase: await freePortBase(portsOf(2)),
      orders: 30,
      kills: 10,
      replication: { replicas: 2, balance: 'request' },
    });
    expect(report.faults).toEqual([]);
    expect(report.orders).toBe(30);
  }, 120_000);
});
