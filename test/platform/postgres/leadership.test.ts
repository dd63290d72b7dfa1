import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Leadership } from '../../../platform/leadership.ts';
import { createLog } from '../../../platform/log.ts';
import { migrate } from '../../../platform/store/migrate.ts';
import { openPostgres } from '../../../platform/store/postgres.ts';
import { platformMigrations } from '../../../platform/store/schema.ts';
import type { Store } from '../../../platform/store/store.ts';
import { openTestData, postgresOptions, type TestData } from '../../support/data.ts';
import { until } from '../../support/until.ts';

const log = createLog({ service: 'test', level: 'silent', format: 'json' });
const LEASE_MS = 500;

describe('leadership', () => {
  let data: TestData;
  let store: Store;
  const candidates: Leadership[] = [];
  const told: string[] = [];
  beforeEach(async () => {
    data = await openTestData('leadership');
    store = await openPostgres(postgresOptions(data.env['DATABASE_URL'] ?? ''));
    await migrate(store, platformMigrations);
  });
  afterEach(async () => {
    for (const each of candidates.splice(0)) await each.close();
    told.length = 0;
    await store.close();
    await data.remove();
  });

  function stand(who: string, own = store): Leadership {
    const candidate = new Leadership({
      store: own,
      name: 'work',
      log,
      leaseMs: LEASE_MS,
      onGain: () => told.push(`${who} leads`),
      onLoss: () => told.push(`${who} leads no more`),
    });
    candidates.push(candidate);
    candidate.start();
    return candidate;
  }

  it('is one replica’s, and the next one’s as soon as that lets it go', async () => {
    const first = stand('first');
    await until('somebody leads', () => told.length > 0);
    const second = stand('second');
    const held = performance.now();
    await until('the lease was made longer', () => performance.now() - held > 2 * LEASE_MS && first.isHeld);
    expect([told, second.isHeld]).toEqual([['first leads'], false]);
    await first.close();
    await until('the second one leads', () => second.isHeld);
    expect(told).toEqual(['first leads', 'second leads']);
  });

  it('is given up by who cannot reach the database before another one has it', async () => {
    const cut = await openPostgres(postgresOptions(data.env['DATABASE_URL'] ?? ''));
    const first = stand('first', cut);
    await until('it leads', () => first.isHeld);
    const second = stand('second');
    await cut.close();
    await until('the second one leads', () => {
      expect([first.isHeld, second.isHeld]).not.toEqual([true, true]);
      return second.isHeld;
    });
    await until('the first one knows', () => told.includes('first leads no more'));
    expect(told).toContain('second leads');
  });

  it('of one work is none of another', async () => {
    stand('first');
    const other = new Leadership({
      store,
      name: 'other',
      log,
      onGain: () => told.push('other'),
      onLoss: () => {},
    });
    candidates.push(other);
    other.start();
    await until('both lead', () => told.length === 2);
  });
});
