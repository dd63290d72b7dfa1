import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../platform/store/migrate.ts';
import { platformMigrations } from '../../platform/store/schema.ts';
import type { Store } from '../../platform/store/store.ts';
import {
  addTask,
  cancelTask,
  claimTasks,
  finishTask,
  forgetTasks,
  nextDue,
  postponeTask,
  renewLeases,
  unknownTasks,
  type TaskRow,
} from '../../platform/store/tasks.ts';
import type { OpenStore } from './store.ts';

const at = (minutes: number): Date => new Date(Date.UTC(2026, 10, 24, 9, minutes));

/** What stored tasks must do on every engine. @param open makes a fresh, empty database. */
export function tasksContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`stored tasks on ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      await migrate(store, platformMigrations);
    });
    afterEach(() => opened.close());

    const order = (dueAt: Date, key = 'k', payload: unknown = {}): Promise<void> =>
      store.write((tx) => addTask(tx, { kind: 'ask', key, payload, dueAt }, {}));
    const claim = (now: Date, holder = 'me', until = at(50)): Promise<TaskRow[]> =>
      claimTasks(store, now, { holder, until }, 2, ['ask']);
    const finish = (task: TaskRow, holder = 'me'): Promise<boolean> =>
      store.write((tx) => finishTask(tx, task, holder));
    const claimOne = async (now: Date, holder = 'me', until = at(50)): Promise<TaskRow> => {
      const [task] = await claim(now, holder, until);
      if (!task) throw new Error('there is nothing to claim');
      return task;
    };

    it('are claimed when they are due, the oldest first, no more than asked for', async () => {
      for (const [minute, key] of [
        [3, 'c'],
        [1, 'a'],
        [2, 'b'],
        [9, 'd'],
      ] as const)
        await order(at(minute), key);
      expect(await claim(at(0))).toEqual([]);
      expect((await claim(at(5))).map(({ key }) => key).toSorted()).toEqual(['a', 'b']);
      expect(await claim(at(5))).toMatchObject([{ key: 'c', attempts: 1 }]);
      expect(await claim(at(5))).toEqual([]);
      expect(await nextDue(store.read, ['ask'])).toEqual(at(9));
    });

    it('of other kinds are left to those who know them, told of, and forgotten in the end', async () => {
      const other = (key: string, dueAt: Date): Promise<void> =>
        store.write((tx) => addTask(tx, { kind: 'other', key, payload: {}, dueAt }, {}));
      for (const [key, minute] of [
        ['old', 1],
        ['older', 0],
        ['young', 9],
      ] as const)
        await other(key, at(minute));
      await order(at(5));
      expect(await nextDue(store.read, ['ask'])).toEqual(at(5));
      expect((await claim(at(10))).map(({ kind }) => kind)).toEqual(['ask']);
      expect(await unknownTasks(store.read, ['ask'])).toEqual([{ kind: 'other', tasks: 3 }]);
      const forget = (limit: number): Promise<number> =>
        store.write((tx) => forgetTasks(tx, ['ask'], at(8), limit));
      expect([await forget(1), await forget(5), await forget(5)]).toEqual([1, 1, 0]);
      expect(await unknownTasks(store.read, ['ask'])).toEqual([{ kind: 'other', tasks: 1 }]);
      expect(await unknownTasks(store.read, ['other'])).toEqual([{ kind: 'ask', tasks: 1 }]);
    });

    it('are one when they are ordered twice before they are done: the earlier time, the later payload', async () => {
      await order(at(5), 'k', { n: 1 });
      await order(at(3), 'k', { n: 2 });
      await order(at(8), 'k', { n: 3 });
      expect(await nextDue(store.read, ['ask'])).toEqual(at(3));
      const task = await claimOne(at(4));
      expect(task.payload).toEqual({ n: 3 });
      expect(await finish(task)).toBe(true);
      expect(await nextDue(store.read, ['ask'])).toBeUndefined();
    });

    it('ordered while they are at work are done again afterwards, when the new order says', async () => {
      await order(at(1));
      const first = await claimOne(at(2));
      await order(at(9), 'k', { again: true });
      await order(at(7), 'k', { again: true });
      expect(await claim(at(10))).toEqual([]);
      expect(await finish(first)).toBe(true);
      expect(await nextDue(store.read, ['ask'])).toEqual(at(7));
      const second = await claimOne(at(7));
      expect(second).toMatchObject({ attempts: 1, payload: { again: true } });
      expect(await finish(second)).toBe(true);
      expect(await claim(at(59))).toEqual([]);
    });

    it('that failed are done again once, although they were ordered again meanwhile', async () => {
      await order(at(1));
      const first = await claimOne(at(2));
      await order(at(3));
      await store.write((tx) => postponeTask(tx, first, 'me', at(4), 'the gateway is down'));
      const second = await claimOne(at(4));
      expect(second.attempts).toBe(2);
      expect(await finish(second)).toBe(true);
      expect(await nextDue(store.read, ['ask'])).toBeUndefined();
    });

    it('keep their leases only where they are named as at work by their holder', async () => {
      for (const key of ['working', 'given up']) await order(at(1), key);
      const tasks = await claim(at(2), 'me', at(10));
      const working = tasks.filter(({ key }) => key === 'working');
      await store.write((tx) => renewLeases(tx, tasks, { holder: 'somebody', until: at(40) }));
      await store.write((tx) => renewLeases(tx, working, { holder: 'me', until: at(20) }));
      expect((await claim(at(11))).map(({ key }) => key)).toEqual(['given up']);
      expect((await claim(at(21))).map(({ key }) => key)).toEqual(['working']);
    });

    it('belong to whoever took them after a lease: the one before can neither end them nor put them back', async () => {
      await order(at(1));
      const before = await claimOne(at(2), 'a process that hangs', at(3));
      const after = await claimOne(at(4));
      await store.write((tx) => postponeTask(tx, before, 'a process that hangs', at(5), 'too late'));
      expect(await finish(before, 'a process that hangs')).toBe(false);
      expect(await claim(at(6))).toEqual([]);
      expect(await finish(after)).toBe(true);
    });

    it('that were cancelled while they were at work have no result', async () => {
      await order(at(1));
      const task = await claimOne(at(2));
      await store.write((tx) => cancelTask(tx, 'ask', 'k'));
      expect(await finish(task)).toBe(false);
    });

    it('are taken once, however many ask at the same time', async () => {
      for (let index = 0; index < 40; index += 1) await order(at(1), `k${index}`);
      const claimed = await Promise.all(
        Array.from({ length: 30 }, (_, index) => claim(at(2), `holder ${index}`)),
      );
      const keys = claimed.flat().map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      expect(Math.max(...claimed.map((tasks) => tasks.length))).toBe(2);
    });
  });
}
