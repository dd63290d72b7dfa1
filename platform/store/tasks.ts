import type { Reader, Tx } from './store.ts';

/** What brought an event or a task about; goes along so that a story can be followed across services. */
export interface Cause {
  /** Id of the event that led here. */
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
}

/** A stored task. */
export interface TaskRow {
  readonly kind: string;
  readonly key: string;
  readonly payload: unknown;
  readonly cause: Cause;
  readonly attempts: number;
}

interface StoredTask {
  readonly kind: string;
  readonly key: string;
  readonly payload: string;
  readonly cause: string;
  readonly attempts: number;
}

/** Stores a task; one that is there already with its kind and key stays as it is. */
export async function addTask(
  tx: Tx,
  task: { kind: string; key: string; payload: unknown; dueAt: Date },
  cause: Cause,
): Promise<void> {
  await tx.run(
    `insert into tasks (kind, task_key, payload, cause, due_at, attempts)
     values ($1, $2, $3, $4, $5, 0) on conflict (kind, task_key) do nothing`,
    task.kind,
    task.key,
    JSON.stringify(task.payload),
    JSON.stringify(cause),
    task.dueAt.toISOString(),
  );
}

/** Removes a task that is done or no longer needed. @returns whether it was still there. */
export async function removeTask(tx: Tx, kind: string, key: string): Promise<boolean> {
  return (await tx.run('delete from tasks where kind = $1 and task_key = $2', kind, key)) > 0;
}

/** Takes up to `limit` due tasks for this process until the lease ends; nobody else gets them meanwhile. */
export async function claimTasks(
  tx: Tx,
  now: Date,
  leaseUntil: Date,
  limit: number,
  skipLocked: string,
): Promise<TaskRow[]> {
  const rows = await tx.all<StoredTask>(
    `update tasks set lease_until = $1, attempts = attempts + 1
     where (kind, task_key) in (
       select kind, task_key from tasks
       where due_at <= $2 and (lease_until is null or lease_until <= $2)
       order by due_at limit $3 ${skipLocked})
     returning kind, task_key as "key", payload, cause, attempts`,
    leaseUntil.toISOString(),
    now.toISOString(),
    limit,
  );
  return rows.map((row) => ({
    ...row,
    payload: JSON.parse(row.payload) as unknown,
    cause: JSON.parse(row.cause) as Cause,
  }));
}

/** Puts a task back after a failure. */
export async function postponeTask(tx: Tx, task: TaskRow, dueAt: Date, error: string): Promise<void> {
  await tx.run(
    'update tasks set lease_until = null, due_at = $3, last_error = $4 where kind = $1 and task_key = $2',
    task.kind,
    task.key,
    dueAt.toISOString(),
    error.slice(0, 500),
  );
}

/** Gives up all leases: for a store that one process owns, whose previous owner is gone. */
export async function dropLeases(tx: Tx): Promise<void> {
  await tx.run('update tasks set lease_until = null where lease_until is not null');
}

/** When there is something to claim next: a task that becomes due, or one whose lease ends. */
export async function nextDue(reader: Reader): Promise<Date | undefined> {
  const row = await reader.get<{ due: string | null; lease: string | null }>(
    `select (select min(due_at) from tasks where lease_until is null) as due,
       (select min(lease_until) from tasks where lease_until is not null) as lease`,
  );
  const times = [row?.due, row?.lease].filter((time) => typeof time === 'string');
  const [first] = times.toSorted();
  return first === undefined ? undefined : new Date(first);
}

/** How many tasks are due, how many wait for a later time, and how many have failed at least once. */
export async function taskCounts(
  reader: Reader,
  now: Date,
): Promise<{ due: number; later: number; failing: number }> {
  const row = await reader.get<{ due: number | null; total: number; failing: number | null }>(
    `select count(*) as total,
       sum(case when due_at <= $1 then 1 else 0 end) as due,
       sum(case when last_error is not null then 1 else 0 end) as failing
     from tasks`,
    now.toISOString(),
  );
  const due = row?.due ?? 0;
  return { due, later: (row?.total ?? 0) - due, failing: row?.failing ?? 0 };
}
