import { CloudEvent } from 'cloudevents';
import { v7 as uuidv7 } from 'uuid';
import type { EventContract } from './contract.ts';
import { enqueue } from './store/outbox.ts';
import type { Tx } from './store/store.ts';
import { addTask, cancelTask, type Cause } from './store/tasks.ts';
import type { Effects } from './service.ts';

/**
 * Stores what a decision brought about, in its transaction: events into the outbox, tasks into the task table.
 * @throws Error when an event breaks its own contract: a defect here must not leave the house.
 */
export async function storeEffects(
  tx: Tx,
  contracts: ReadonlyMap<string, EventContract>,
  effects: Effects<EventContract>,
  cause: Cause,
  now: Date,
): Promise<void> {
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
