import { afterEach, describe, expect, it } from '@jest/globals';
import { deadline, recurring, task } from '../../platform/service.ts';
import { addTask, taskCounts } from '../../platform/store/tasks.ts';
import { asked, exampleService, type Emits } from '../support/example.ts';
import { engine } from '../support/data.ts';
import { call, startTestService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const HOUR = 3_600_000;
interface Question {
  readonly name: string;
  readonly by: string;
}

const told = (data: Question, text: string) => ({
  emit: [{ event: 'example.answered' as const, data: { name: data.name, by: data.by, text } }],
});

describe('a durable task', () => {
  let service: TestService | undefined;
  afterEach(() => service?.close());

  /** A service that answers by a task of the outside world. */
  async function start(
    perform: (question: Question, attempt: number) => Promise<string>,
  ): Promise<TestService> {
    let attempts = 0;
    service = await startTestService(
      exampleService({
        handle: async (_tx, { data }) => ({ tasks: [{ kind: 'ask', key: data.name, payload: data }] }),
        tasks: [
          task<Question, string, Emits, object>(
            'ask',
            (question) => perform(question, (attempts += 1)),
            async (_tx, question, text) => told(question, text),
          ),
        ],
      }),
      { SHUTDOWN_GRACE: '200ms' },
    );
    return service;
  }
  const answers = (): unknown[] => service?.sink.events.map((event) => event.data['text']) ?? [];

  it('is done after the event was answered, and its result is told with the event as its cause', async () => {
    const { promise, resolve: finish } = Promise.withResolvers<string>();
    const { deliver, settle, sink } = await start(() => promise);
    expect(await deliver(asked, asked.example, { id: 'the-cause' })).toBe(204);
    expect(sink.events).toEqual([]);
    finish('done');
    await settle();
    expect(sink.events).toEqual([expect.objectContaining({ causationid: 'the-cause' })]);
    expect(answers()).toEqual(['done']);
  });

  it('ordered again while it is at work is done once more, whatever the number of orders', async () => {
    let calls = 0;
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { deliver, settle } = await start(async () => {
      calls += 1;
      await gate;
      return `done ${calls}`;
    });
    await deliver(asked, asked.example);
    await until('it is at work', () => calls === 1);
    await Promise.all([1, 2, 3].map(() => deliver(asked, asked.example)));
    open();
    await settle();
    expect(answers()).toEqual(['done 1', 'done 2']);
  });

  it('leaves its result to whoever took it after its lease', async () => {
    const { promise, resolve: finish } = Promise.withResolvers<string>();
    let calls = 0;
    const { deliver, service: running } = await start(() => {
      calls += 1;
      return promise;
    });
    await deliver(asked, asked.example);
    await until('it is at work', () => calls === 1);
    const leaseUntil = new Date(Date.now() + HOUR);
    await running.store.write((tx) =>
      tx.run("update tasks set lease_holder = 'another process', lease_until = $1", leaseUntil.toISOString()),
    );
    finish('too late');
    await until('the result was refused', async () => {
      const { body } = await call(running.url, 'GET', '/metrics');
      return /tradewind_task_runs_total\{kind="ask",result="lost",service="example"\} 1/.test(body);
    });
    expect(await running.store.read.get("select lease_holder from tasks where kind = 'ask'")).toEqual({
      lease_holder: 'another process',
    });
    expect(answers()).toEqual([]);
  });

  it('that fails comes again, with longer and longer waits, until it is done', async () => {
    const times: number[] = [];
    const { deliver, settle } = await start(async (_question, attempt) => {
      times.push(performance.now());
      if (attempt < 4) throw new Error('the gateway is down');
      return 'at last';
    });
    await deliver(asked, asked.example);
    await until('it is told', () => answers().length > 0);
    await settle();
    expect(answers()).toEqual(['at last']);
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(waits).toHaveLength(3);
    expect(waits[0]).toBeGreaterThanOrEqual(150);
    expect(waits[2]).toBeGreaterThan((waits[0] ?? 0) * 1.5);
  });

  it('keeps its reason while it fails, and shows in the metrics', async () => {
    const {
      deliver,
      service: running,
      call,
    } = await start(async () => {
      throw new Error('the gateway is down');
    });
    await deliver(asked, asked.example);
    const reason = (): Promise<{ last_error: string | null } | undefined> =>
      running.store.read.get("select last_error from tasks where kind = 'ask'");
    await until('a failure is stored', async () => (await reason())?.last_error === 'the gateway is down');
    const { body } = await call('GET', '/metrics');
    expect(body).toMatch(/tradewind_tasks_failing\{service="example"\} 1/);
    expect(body).toMatch(/tradewind_task_runs_total\{kind="ask",result="failed",service="example"\} [1-9]/);
  });

  it('is done when the process that was at work died', async () => {
    const { service: running, restart, settle } = await start(async () => 'done');
    // As a process leaves it that was killed. A file has one owner, whose start ends all leases; elsewhere one waits.
    const lease = engine === 'sqlite' ? HOUR : 1000;
    await running.store.write(async (tx) => {
      await addTask(tx, { kind: 'ask', key: 'k', payload: asked.example, dueAt: new Date(0) }, {});
      await tx.run('update tasks set lease_until = $1', new Date(Date.now() + lease).toISOString());
    });
    running.wake();
    expect(answers()).toEqual([]);
    await restart();
    await settle();
    expect(answers()).toEqual(['done']);
  });

  it('whose lease has ended is taken by whoever is there', async () => {
    const { service: running, settle } = await start(async () => 'done');
    await running.store.write(async (tx) => {
      await addTask(tx, { kind: 'ask', key: 'k', payload: asked.example, dueAt: new Date(0) }, {});
      await tx.run('update tasks set lease_until = $1', new Date(Date.now() + 300).toISOString());
    });
    running.wake();
    expect(await running.store.read.get("select attempts from tasks where kind = 'ask'")).toEqual({
      attempts: 0,
    });
    await settle();
    expect(answers()).toEqual(['done']);
  });

  it('that outlives its lease is not done a second time beside itself', async () => {
    let calls = 0;
    const { promise, resolve: finish } = Promise.withResolvers<string>();
    const {
      deliver,
      advance,
      service: running,
    } = await start(() => {
      calls += 1;
      return promise;
    });
    await deliver(asked, asked.example);
    await until('it is at work', () => calls === 1);
    const settled = advance(2 * HOUR);
    await until('the lease was made longer', async () => {
      const row = await running.store.read.get<{ attempts: number }>(
        "select attempts from tasks where kind = 'ask'",
      );
      return row?.attempts === 2;
    });
    finish('done');
    await settled;
    expect(calls).toBe(1);
    expect(answers()).toEqual(['done']);
  });

  it('does not hold up the others, nor the end of the service', async () => {
    const { deliver, service: running } = await start(async ({ name }) => {
      if (name === 'stuck') await new Promise(() => undefined);
      return name;
    });
    await deliver(asked, { name: 'stuck', by: 'ada' });
    await deliver(asked, { name: 'quick', by: 'ada' });
    await until('the quick one is told', () => answers().includes('quick'));
    expect(await running.store.read.all("select task_key from tasks where kind = 'ask'")).toEqual([
      { task_key: 'stuck' },
    ]);
  });

  it('of a kind that nobody knows any more stays for a while, untouched but counted, and then goes', async () => {
    const { service: running, advance, call: ask } = await start(async () => 'done');
    const left = () => running.store.read.all("select attempts, last_error from tasks where kind = 'gone'");
    await running.store.write((tx) =>
      addTask(tx, { kind: 'gone', key: 'k', payload: {}, dueAt: new Date() }, {}),
    );
    running.wake();
    await until('what others wait for is done', async () => {
      const { due } = await taskCounts(running.store.read, new Date());
      return due === 1;
    });
    expect(await left()).toEqual([{ attempts: 0, last_error: null }]);
    expect((await ask('GET', '/metrics')).body).toMatch(/^tradewind_tasks_due\{.*\} 1$/m);
    await advance(14 * 24 * HOUR + HOUR);
    expect(await left()).toEqual([]);
  });

  it('is done once for each of hundreds, more than may be at work at the same time', async () => {
    let now = 0;
    let most = 0;
    const { deliver, settle } = await start(async ({ name }) => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return name;
    });
    const names = Array.from({ length: 400 }, (_, index) => String(index));
    await Promise.all(names.map((name) => deliver(asked, { name, by: name })));
    await settle();
    expect(new Set(answers())).toEqual(new Set(names));
    expect(answers()).toHaveLength(names.length);
    expect(most).toBeLessThanOrEqual(128);
  });
});

describe('a deadline', () => {
  let service: TestService | undefined;
  afterEach(() => service?.close());

  async function start(): Promise<TestService> {
    service = await startTestService(
      exampleService({
        handle: async (_tx, { data }) =>
          data.by === 'canceller'
            ? { cancel: [{ kind: 'late', key: data.name }] }
            : {
                tasks: [{ kind: 'late', key: data.name, payload: data, dueAt: new Date(Date.now() + HOUR) }],
              },
        tasks: [
          deadline<Question, Emits, object>('late', async (_tx, question) => told(question, 'too late')),
        ],
      }),
    );
    return service;
  }

  it('passes at its time and not before, over a restart', async () => {
    const { deliver, advance, restart, sink } = await start();
    await deliver(asked, asked.example);
    await advance(HOUR / 2);
    expect(sink.events).toEqual([]);
    await restart();
    await advance(HOUR);
    expect(sink.events.map((event) => event.data['text'])).toEqual(['too late']);
    await advance(HOUR);
    expect(sink.events).toHaveLength(1);
  });

  it('that was cancelled does not pass', async () => {
    const { deliver, advance, sink } = await start();
    await deliver(asked, asked.example);
    await deliver(asked, { name: asked.example.name, by: 'canceller' });
    await advance(2 * HOUR);
    expect(sink.events).toEqual([]);
  });
});

describe('recurring work', () => {
  it('comes at every start, at once while there is more of it, and then at its interval', async () => {
    let left = 3;
    let runs = 0;
    const clean = recurring<Emits, object>('clean', HOUR, async () => {
      runs += 1;
      left = Math.max(0, left - 1);
      return left > 0;
    });
    await using service = await startTestService(exampleService({ tasks: [clean] }));
    await service.settle();
    expect([runs, left]).toEqual([3, 0]);
    await service.advance(HOUR - 60_000);
    expect(runs).toBe(3);
    await service.advance(120_000);
    expect(runs).toBe(4);
    await service.restart();
    await service.settle();
    expect(runs).toBe(5);
    const rows = await service.service.store.read.all("select task_key from tasks where kind = 'clean'");
    expect(rows).toEqual([{ task_key: 'clean' }]);
  });
});
