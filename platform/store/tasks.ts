import type { Reader, Store, Tx } from './store.ts';

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

/**
 * Stores a task. One that waits already with its kind and key is the same work, to be done at the earlier of both
 * times; one that is at work may have looked at the world before this order, so it comes again.
 */
export async function addTask(
  tx: Tx,
  task: { kind: string; key: string; payload: unknown; dueAt: Date },
  cause: Cause,
): Promise<void> {
  tx.send(
    `insert into tasks (kind, task_key, payload, cause, due_at, attempts)
     values ($1, $2, $3, $4, $5, 0)
     on conflict (kind, task_key) do update set payload = excluded.payload, cause = excluded.cause,
       due_at = case when tasks.lease_until is null and excluded.due_at < tasks.due_at
         then excluded.due_at else tasks.due_at end,
       again_at = case when tasks.lease_until is not null
         and (tasks.again_at is null or excluded.due_at < tasks.again_at)
         then excluded.due_at else tasks.again_at end`,
    task.kind,
    task.key,
    JSON.stringify(task.payload),
    JSON.stringify(cause),
    task.dueAt.toISOString(),
  );
}

/** Removes a task that is no longer needed, at work or not. */
export async function cancelTask(tx: Tx, kind: string, key: string): Promise<void> {
  tx.send('delete from tasks where kind = $1 and task_key = $2', kind, key);
}

/** Who takes tasks, and until when nobody else gets them. */
export interface Lease {
  /** Unique per process. */
  readonly holder: string;
  readonly until: Date;
}

/**
 * Takes up to `limit` due tasks.
 * @param kinds only these: a replica of another version knows the others
 */
export async function claimTasks(
  store: Store,
  now: Date,
  lease: Lease,
  limit: number,
  kinds: readonly string[],
): Promise<TaskRow[]> {
  const known = `kind in (${placesOf(kinds, 5)})`;
  const { skipLocked } = store.dialect;
  // Each part ends with its index after a few rows; with an "or" all that is due would be sorted for every claim.
  const rows = await store.writeOne<StoredTask>(
    `with fresh as (
       select kind, task_key, due_at from tasks where lease_until is null and due_at <= $2 and ${known}
       order by lease_until, due_at limit $3 ${skipLocked}),
     lapsed as (
       select kind, task_key, due_at from tasks where lease_until <= $2 and due_at <= $2 and ${known}
       order by lease_until, due_at limit $3 ${skipLocked}),
     due as (
       select kind, task_key from (select * from fresh union all select * from lapsed) as found
       order by due_at limit $3)
     update tasks set lease_until = $1, lease_holder = $4, attempts = attempts + 1
     from due where tasks.kind = due.kind and tasks.task_key = due.task_key
     returning tasks.kind, tasks.task_key as "key", payload, cause, attempts`,
    lease.until.toISOString(),
    now.toISOString(),
    limit,
    lease.holder,
    ...kinds,
  );
  return rows.map((row) => ({
    ...row,
    payload: JSON.parse(row.payload) as unknown,
    cause: JSON.parse(row.cause) as Cause,
  }));
}

function placesOf(values: readonly string[], from: number): string {
  return values.map((_, index) => `$${index + from}`).join(', ');
}

/** Tasks of other kinds than these, by kind. */
export function unknownTasks(
  reader: Reader,
  kinds: readonly string[],
): Promise<{ kind: string; tasks: number }[]> {
  return reader.all(
    `select kind, count(*) as tasks from tasks where kind not in (${placesOf(kinds, 1)}) group by kind order by kind`,
    ...kinds,
  );
}

/** Removes tasks of other kinds than these that were due before an instant, `limit` at most. @returns how many. */
export function forgetTasks(tx: Tx, kinds: readonly string[], before: Date, limit: number): Promise<number> {
  return tx.run(
    `delete from tasks where (kind, task_key) in (
       select kind, task_key from tasks where due_at < $1 and kind not in (${placesOf(kinds, 3)}) limit $2)`,
    before.toISOString(),
    limit,
    ...kinds,
  );
}

/**
 * Ends a task that is done, in the transaction of its result; one that was ordered again meanwhile waits again.
 * @returns false when it is not the holder's any more: cancelled, or taken by another one after the lease.
 */
export async function finishTask(tx: Tx, task: TaskRow, holder: string): Promise<boolean> {
  const mine = 'where kind = $1 and task_key = $2 and lease_holder = $3';
  const of = [task.kind, task.key, holder];
  if ((await tx.run(`delete from tasks ${mine} and again_at is null`, ...of)) > 0) return true;
  const again = await tx.run(
    `update tasks set ${unleased}, due_at = again_at, attempts = 0, last_error = null ${mine}`,
    ...of,
  );
  return again > 0;
}

/** Whether a task is there and leased by a holder. */
export async function isHeldBy(
  reader: Reader,
  { kind, key }: Pick<TaskRow, 'kind' | 'key'>,
  holder: string,
): Promise<boolean> {
  const row = await reader.get(
    'select 1 as held from tasks where kind = $1 and task_key = $2 and lease_holder = $3',
    kind,
    key,
    holder,
  );
  return row !== undefined;
}

/** Puts a task back after a failure, unless another one has taken it after the lease. */
export async function postponeTask(
  tx: Tx,
  task: TaskRow,
  holder: string,
  dueAt: Date,
  error: string,
): Promise<void> {
  await tx.run(
    `update tasks set ${unleased}, due_at = $4, last_error = $5
     where kind = $1 and task_key = $2 and lease_holder = $3`,
    task.kind,
    task.key,
    holder,
    dueAt.toISOString(),
    error.slice(0, 500),
  );
}

const unleased = 'lease_until = null, lease_holder = null, again_at = null';

/** Makes the leases that a holder has on these tasks longer: they are still at work. */
export async function renewLeases(
  tx: Tx,
  tasks: readonly Pick<TaskRow, 'kind' | 'key'>[],
  { holder, until }: Lease,
): Promise<void> {
  for (const { kind, key } of tasks) {
    await tx.run(
      'update tasks set lease_until = $1 where lease_holder = $2 and kind = $3 and task_key = $4',
      until.toISOString(),
      holder,
      kind,
      key,
    );
  }
}

/** Puts what a holder has not done back for others, as if it had not been taken. */
export async function returnTasks(tx: Tx, holder: string): Promise<void> {
  await tx.run(`update tasks set ${unleased} where lease_holder = $1`, holder);
}

/** Gives up all leases: for a store that one process owns, whose previous owner is gone. */
export async function dropLeases(tx: Tx): Promise<void> {
  await tx.run(`update tasks set ${unleased} where lease_until is not null`);
}

/** When there is something of these kinds to claim next: a task that becomes due, or one whose lease ends. */
export async function nextDue(reader: Reader, kinds: readonly string[]): Promise<Date | undefined> {
  const known = `kind in (${placesOf(kinds, 1)})`;
  const row = await reader.get<{ due: string | null; lease: string | null }>(
    `select (select due_at from tasks where lease_until is null and ${known}
         order by lease_until, due_at limit 1) as due,
       (select lease_until from tasks where lease_until is not null and ${known}
         order by lease_until, due_at limit 1) as lease`,
    ...kinds,
  );
  const times = [row?.due, row?.lease].filter((time) => typeof time === 'string');
  const [first] = times.toSorted();
  return first === undefined ? undefined : new Date(first);
}

/** When the first task is or was due, at work or not. */
export async function earliestDue(reader: Reader): Promise<Date | undefined> {
  const row = await reader.get<{ due: string | null }>('select min(due_at) as due from tasks');
  return row?.due ? new Date(row.due) : undefined;
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
