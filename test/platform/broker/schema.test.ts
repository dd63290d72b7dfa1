import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrations } from '../../../platform/broker/schema.ts';
import { migrate } from '../../../platform/store/migrate.ts';
import { openSqlite } from '../../../platform/store/sqlite.ts';
import type { Tx } from '../../../platform/store/store.ts';
import { manifests, SINK, startTestBroker, triggerFor } from '../../support/broker.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

/** One delivery as the first version kept it. */
interface Kept {
  readonly id: string;
  readonly queue: string;
  readonly state: 'waiting' | 'dead';
  readonly code?: number;
}

async function keep(tx: Tx, { id, queue, state, code }: Kept): Promise<void> {
  const attributes = { specversion: '1.0', id, source: '/test', type: 'test.happened.v1' };
  const event = await tx.get<{ seq: number }>(
    `insert into events (broker, attributes, data, accepted_at) values ('default/shop', $1, null, $2) returning seq`,
    JSON.stringify(attributes),
    new Date(0).toISOString(),
  );
  await tx.run(
    `insert into deliveries (event_seq, queue, state, attempts, redrives, error_code, error_dest, error_data, died_at,
       redrive_at)
     values ($1, $2, $3, 9, 5, $4, $5, 'eA==', $6, $6)`,
    event?.seq ?? 0,
    queue,
    state,
    code ?? null,
    code === undefined ? null : 'http://there/events',
    state === 'dead' ? new Date(0).toISOString() : null,
  );
}

describe('a data folder of the version that kept its dead letters', () => {
  let dataDir: string;
  let receiver: Receiver;
  let sink: Receiver;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'tradewind-upgrade-'));
    [receiver, sink] = await Promise.all([openReceiver(), openReceiver()]);
  });
  afterEach(async () => {
    await Promise.all([receiver.leave(), sink.leave()]);
    await rm(dataDir, { recursive: true, force: true });
  });

  async function keepAll(...deliveries: readonly Kept[]): Promise<void> {
    await using store = openSqlite(join(dataDir, 'broker', 'broker.sqlite'));
    await migrate(store, migrations.slice(0, 1));
    await store.write(async (tx) => {
      for (const delivery of deliveries) await keep(tx, delivery);
    });
  }

  it('loses nothing: kept letters go to their sink, what waited is delivered', async () => {
    await keepAll(
      { id: 'kept', queue: 'all', state: 'dead', code: 422 },
      { id: 'refused-by-sink', queue: 'all#dead-letters', state: 'dead', code: 500 },
      { id: 'on-its-way', queue: 'all#dead-letters', state: 'waiting', code: 404 },
      { id: 'waiting', queue: 'all', state: 'waiting' },
    );
    const yaml = manifests(`{ retry: 20, ${SINK} }`, { all: triggerFor('alpha') });
    await using shop = await startTestBroker(yaml, { alpha: receiver.url, ledger: sink.url }, dataDir);
    await until('nothing waits', () => shop.broker.idle());
    expect(receiver.ids()).toEqual(['waiting']);
    const codes = sink.got.map(({ headers }) => [headers['ce-id'], headers['ce-knativeerrorcode']]);
    expect(new Map(codes as [string, string][])).toEqual(
      new Map([
        ['kept', '422'],
        ['refused-by-sink', '500'],
        ['on-its-way', '404'],
      ]),
    );
    expect(codes).toHaveLength(3);
  });

  it('says what waits for a sink that is in no manifest', async () => {
    await keepAll({ id: 'kept', queue: 'all', state: 'dead', code: 422 });
    const yaml = manifests('{ retry: 0 }', { all: triggerFor('alpha') });
    await using shop = await startTestBroker(yaml, { alpha: receiver.url }, dataDir);
    expect(shop.log.filter(({ level }) => level === 40)).toMatchObject([
      { queue: 'all#dead-letters', count: 1 },
    ]);
    expect(await shop.metric('tradewind_broker_dead_letters')).toBe(1);
  });
});
