import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runDatabaseOutage } from '../../support/database-outage.ts';
import { freePortBase } from '../../support/ports.ts';
import { startPostgres, type PostgresServer } from '../../support/postgres-server.ts';
import { portsOf } from '../../support/replicas.ts';

describe('a shop whose PostgreSQL is killed while customers order', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server.remove();
  });

  it('says when to come again, goes on by itself, loses no order that it accepted and does nothing twice', async () => {
    const report = await runDatabaseOutage({
      server,
      portBase: await freePortBase(portsOf(1)),
      replicas: 1,
      absences: [2000, 0],
      ordersBetween: 10,
    });
    expect(report.faults).toEqual([]);
    expect(report.refusals).toBeGreaterThan(0);
    expect(report.orders).toBeGreaterThanOrEqual(30);
  }, 180_000);
});
