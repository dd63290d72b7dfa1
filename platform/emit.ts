import { CloudEvent } from 'cloudevents';
import { v7 as uuidv7 } from 'uuid';
import type { EventContract } from './contract.ts';
import { enqueue } from './store/outbox.ts';
import type { Tx } from './store/store.ts';
import { addTask, cancelTask, type Cause } from './store/tasks.ts';
import type { Effects } from './service.ts';

/** What a transaction has left to do. */
export interface Left {
  /** There are events to send. */
  readonly events: boolean;
  /** There are tasks that are due before the task runner looks by itself. */
  readonly tasks: boolean;
}

/** The task runner looks for due tasks at least this often. */
export const LOOK_FOR_TASKS_MS = 1000;

/**
 * Stores what a decision brought about, in its transaction: events into the outbox, tasks into the task table.
 * @returns whom to wake after the commit.
 * @throws Error when an event breaks its own contract: a defect here must not leave the house.
 */
export async function storeEffects(
  tx: Tx,
  contracts: ReadonlyMap<string, EventContract>,
  effects: Effects<EventContract>,
  cause: Cause,
  now: Date,
): Promise<Left> {
  const events = (effects.emit ?? []).map((fact) => {
    const contract = contracts.get(fact.event);
    if (!contract) throw new Error(`"${fact.event}" is not on the card`);
    const event = toCloudEvent(contract, fact.data, cause, now);
    return { partitionKey: String(event['partitionkey']), event: JSON.stringify(event) };
  });
  for (const order of effects.tasks ?? []) {
    await addTask(tx, { ...order, dueAt: order.dueAt ?? now }, cause);
  }
  for (const { kind, key } of effects.cancel ?? []) await cancelTask(tx, kind, key);
  await enqueue(tx, events, now);
  const soon = now.getTime() + LOOK_FOR_TASKS_MS;
  const tasks = (effects.tasks ?? []).some(({ dueAt }) => (dueAt ?? now).getTime() < soon);
  return { events: events.length > 0, tasks };
}

/** Makes the CloudEvent of a fact: attributes from its contract, a fresh UUIDv7, the time in UTC. */
export function toCloudEvent(
  contract: EventContract,
  data: unknown,
  cause: Cause,
  now: Date,
): CloudEvent<unknown> {
  const checked = contract.schema.parse(data);
  const { route } = contract;
  return new CloudEvent({
    specversion: '1.0',
    id: uuidv7(),
    source: contract.source,
    type: contract.type,
    subject: route.subject(checked),
    time: now.toISOString(),
    datacontenttype: 'application/json',
    dataschema: contract.dataschema,
    partitionkey: route.partitionKey(checked),
    correlationid: route.correlation(checked),
    ...(cause.causationId ? { causationid: cause.causationId } : {}),
    ...(cause.traceparent ? { traceparent: cause.traceparent } : {}),
    ...(route.sequence ? { sequence: String(route.sequence(checked)) } : {}),
    dataclassification: contract.classification,
    ...contract.attributes,
    data: checked,
  });
}
