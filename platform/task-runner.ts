import { randomUUID } from 'node:crypto';
import type { EventContract } from './contract.ts';
import { LOOK_FOR_TASKS_MS, storeEffects, type Left } from './emit.ts';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';
import type { ServiceMetrics } from './metrics.ts';
import type { Scope, TaskKind } from './service.ts';
import { writeOrRetry } from './store/documents.ts';
import type { Store, Tx } from './store/store.ts';
import { performing } from './trace/spans.ts';
import { untraced, type Span, type Tracing } from './trace/tracing.ts';
import { within } from './within.ts';
import {
  claimTasks,
  finishTask,
  isHeldBy,
  nextDue,
  postponeTask,
  renewLeases,
  returnTasks,
  type Lease,
  type TaskRow,
} from './store/tasks.ts';

/** What doing tasks needs of its service. */
export interface TaskRunnerOptions<Deps> {
  readonly store: Store;
  readonly kinds: readonly TaskKind<EventContract, Deps>[];
  readonly contracts: ReadonlyMap<string, EventContract>;
  readonly scope: () => Scope<Deps>;
  readonly log: Log;
  readonly metrics: ServiceMetrics;
  readonly tracing: Tracing;
  /** Called after a task's transaction with what it left to do. */
  readonly onCommit: (left: Left) => void;
}

const MAX_AT_WORK = 128;
const LEASE_MS = 10_000;
/** Leases of what is at work are made longer three times before they would end. */
const RENEW_MS = LEASE_MS / 3;
/** After a look that found something due and got nothing of it. */
const LOOK_AGAIN_MS = 50;
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 30_000;

/**
 * Does what was stored to be done: outside work and deadlines. A task is removed in the transaction of its result;
 * one that fails comes again with backoff, for ever; one whose process died comes again when its lease ends, which is
 * made longer while the task is at work.
 */
export class TaskRunner<Deps> {
  readonly #options: TaskRunnerOptions<Deps>;
  readonly #kinds: ReadonlyMap<string, TaskKind<EventContract, Deps>>;
  /** Says whose leases are whose where several processes share a store. */
  readonly #holder = randomUUID();
  readonly #atWork = new Map<string, { readonly task: TaskRow; readonly over: Promise<void> }>();
  readonly #renewal: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #claiming: Promise<void> | undefined;
  #wanted = false;
  #stopped = false;

  constructor(options: TaskRunnerOptions<Deps>) {
    this.#options = options;
    this.#kinds = new Map(options.kinds.map((kind) => [kind.kind, kind]));
    this.#renewal = setInterval(() => void this.#renew(), RENEW_MS);
    this.wake();
  }

  /** Says that there may be something due. */
  wake(): void {
    this.#wanted = true;
    if (this.#stopped || this.#claiming) return;
    this.#claiming = this.#claim().finally(() => {
      this.#claiming = undefined;
      if (this.#wanted && !this.#stopped && this.#atWork.size < MAX_AT_WORK) this.wake();
    });
  }

  /** Claims nothing more. What fails from now on was ended by the shutdown, which is no cause for alarm. */
  retire(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /**
   * Claims nothing more; resolves when what is at work is over, or after `graceMs`: the rest goes back, for another
   * replica or the next start.
   */
  async stop(graceMs: number): Promise<void> {
    this.retire();
    await this.#claiming;
    await within(graceMs, Promise.all([...this.#atWork.values()].map(({ over }) => over)));
    clearInterval(this.#renewal);
    if (this.#atWork.size > 0)
      await this.#tell('tasks could not be put back', (tx) => returnTasks(tx, this.#holder));
  }

  #leaseFrom(now: Date): Lease {
    return { holder: this.#holder, until: new Date(now.getTime() + LEASE_MS) };
  }

  async #renew(): Promise<void> {
    if (this.#atWork.size === 0) return;
    const lease = this.#leaseFrom(this.#options.scope().now);
    // What is not at work any more and could not be put back waits for its lease to end.
    const tasks = [...this.#atWork.values()].map(({ task }) => task);
    await this.#tell('leases could not be made longer', (tx) => renewLeases(tx, tasks, lease));
  }

  /** Where it does not work, leases end by themselves. */
  async #tell(failure: string, work: (tx: Tx) => Promise<void>): Promise<void> {
    const { store, log } = this.#options;
    await store.write(work).catch((error: unknown) => log.error({ err: error }, failure));
  }

  async #claim(): Promise<void> {
    const { store, scope, log } = this.#options;
    this.#wanted = false;
    clearTimeout(this.#timer);
    const room = MAX_AT_WORK - this.#atWork.size;
    if (room <= 0) {
      this.#wanted = true;
      return;
    }
    try {
      const { now } = scope();
      const kinds = [...this.#kinds.keys()];
      const due = await nextDue(store.read, kinds);
      if (due && due <= now) {
        const tasks = await claimTasks(store, now, this.#leaseFrom(now), room, kinds);
        for (const task of tasks) this.#start(task);
        this.#wanted ||= tasks.length > 0;
        // Another replica was first, or somebody holds the row: it may be free again without anyone saying so.
        if (tasks.length === 0) this.#sleepUntil(new Date(now.getTime() + LOOK_AGAIN_MS), now);
        return;
      }
      this.#sleepUntil(due, now);
    } catch (error) {
      log.error({ err: error }, 'tasks could not be claimed; trying again');
      this.#sleepUntil(undefined, new Date(0));
    }
  }

  #sleepUntil(due: Date | undefined, now: Date): void {
    if (this.#stopped) return;
    const wait = due ? Math.max(1, due.getTime() - now.getTime()) : LOOK_FOR_TASKS_MS;
    this.#timer = setTimeout(() => this.wake(), Math.min(wait, LOOK_FOR_TASKS_MS));
  }

  #start(task: TaskRow): void {
    const name = `${task.kind} ${task.key}`;
    const before = this.#atWork.get(name);
    if (before) {
      void before.over.then(() => this.#startAgain(task));
      return;
    }
    const over = this.#run(task).finally(() => {
      this.#atWork.delete(name);
      if (this.#wanted) this.wake();
    });
    this.#atWork.set(name, { task, over });
  }

  /** Claimed while it was at work: either ordered anew by its own result, or that claim has only made its lease longer. */
  async #startAgain(task: TaskRow): Promise<void> {
    const isHeld = await isHeldBy(this.#options.store.read, task, this.#holder).catch(() => false);
    if (isHeld && !this.#stopped) this.#start(task);
  }

  async #run(task: TaskRow): Promise<void> {
    const { metrics, tracing, onCommit, log } = this.#options;
    try {
      const kind = this.#kinds.get(task.kind);
      if (!kind) throw new Error(`no task of kind "${task.kind}" is on the card`);
      // What comes again and again by itself is part of no story.
      const traced = kind.recurs ? untraced : tracing;
      const left = await traced.span(performing(task), (span) => this.#perform(kind, task, span));
      metrics.taskRuns.inc({ kind: task.kind, result: left ? 'done' : 'lost' });
      // Ordered again meanwhile, it waits again.
      onCommit({ events: left?.events ?? false, tasks: true });
    } catch (error) {
      metrics.taskRuns.inc({ kind: task.kind, result: 'failed' });
      const level = this.#stopped ? 'info' : 'warn';
      log[level]({ ...idsOf(task), reason: messageOf(error) }, 'a task failed; it comes again');
      await this.#postpone(task, messageOf(error));
    }
  }

  /** @returns what it left to do; `undefined` when the task was somebody else's by then. */
  async #perform(kind: TaskKind<EventContract, Deps>, task: TaskRow, span: Span): Promise<Left | undefined> {
    const { store, contracts, scope: makeScope, log } = this.#options;
    const result = await kind.perform?.(task.payload as never, makeScope());
    return writeOrRetry(store, async (tx) => {
      if (!(await finishTask(tx, task, this.#holder))) return undefined;
      const scope = makeScope();
      const effects = await kind.settle(tx, task.payload, result, scope);
      const cause = { ...task.cause, ...span.cause };
      const left = await storeEffects(tx, contracts, effects, cause, scope.now);
      if (effects.ignored) log.info({ ...idsOf(task), reason: effects.ignored }, 'task ignored');
      return left;
    });
  }

  async #postpone(task: TaskRow, reason: string): Promise<void> {
    const { scope } = this.#options;
    const wait = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(task.attempts - 1, 12));
    const dueAt = new Date(scope().now.getTime() + wait * (0.75 + Math.random() / 2));
    await this.#tell('a task could not be put back; its lease will end', (tx) =>
      postponeTask(tx, task, this.#holder, dueAt, reason),
    );
    this.#wanted = true;
  }
}

function idsOf({ kind, key, attempts }: TaskRow): Record<string, string | number> {
  return { task: kind, key, attempt: attempts };
}
