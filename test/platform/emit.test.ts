import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOOK_FOR_TASKS_MS, storeEffects, type Left } from '../../platform/emit.ts';
import type { EventContract } from '../../platform/contract.ts';
import type { Effects } from '../../platform/service.ts';
import { migrate } from '../../platform/store/migrate.ts';
import { platformMigrations } from '../../platform/store/schema.ts';
import { openSqlite } from '../../platform/store/sqlite.ts';
import type { Store } from '../../platform/store/store.ts';
import { answered } from '../support/example.ts';

describe('what a transaction has left to do', () => {
  let folder: string;
  let store: Store;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tradewind-emit-'));
    store = openSqlite(join(folder, 'emit.sqlite'));
    await migrate(store, platformMigrations);
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const now = new Date('2026-03-01T12:00:00Z');
  const dueIn = (ms: number) => ({
    kind: 'ring',
    key: `${ms}`,
    payload: {},
    dueAt: new Date(now.getTime() + ms),
  });
  const left = (effects: Effects<EventContract>): Promise<Left> =>
    store.write((tx) => storeEffects(tx, new Map([[answered.name, answered]]), effects, {}, now));

  it('is an event to send', async () => {
    const emit = [{ event: answered.name, data: answered.example }];
    expect(await left({ emit })).toEqual({ events: true, tasks: false });
  });

  it('is a task that is due now, or before the runner looks by itself', async () => {
    const atOnce = { kind: 'ring', key: 'now', payload: {} };
    expect(await left({ tasks: [atOnce] })).toEqual({ events: false, tasks: true });
    expect(await left({ tasks: [dueIn(3_600_000), dueIn(LOOK_FOR_TASKS_MS - 1)] })).toMatchObject({
      tasks: true,
    });
  });

  it('is nothing where a task is due later, and where there is none', async () => {
    expect(await left({ tasks: [dueIn(LOOK_FOR_TASKS_MS)] })).toEqual({ events: false, tasks: false });
    expect(await left({ cancel: [{ kind: 'ring', key: 'now' }] })).toEqual({ events: false, tasks: false });
  });
});
