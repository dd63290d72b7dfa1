import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { sample } from '../../events/shapes.ts';
import { compileFilter } from '../../platform/broker/filter.ts';
import { readManifests, type TriggerManifest } from '../../platform/broker/manifests.ts';
import type { WireEvent } from '../../platform/cloudevents.ts';
import type { EventContract } from '../../platform/contract.ts';
import { toCloudEvent } from '../../platform/emit.ts';
import { attributesOf } from './attributes.ts';

/** An event with everything that its documents tell. */
export interface EventDescription {
  readonly contract: EventContract;
  /** Names of the services that its Triggers deliver it to. */
  readonly subscribers: readonly string[];
  /** The contract's example as it travels. */
  readonly example: WireEvent;
}

export function describeEvents(
  vocabulary: readonly EventContract[],
  manifestFolder: string,
): EventDescription[] {
  const { triggers } = readManifests(manifestFolder);
  return vocabulary.map((contract) => {
    const example = exampleOf(contract);
    return { contract, example, subscribers: subscribersOf(example, triggers) };
  });
}

/** The example with an id that stays the same, so that the documents do too. */
function exampleOf(contract: EventContract): WireEvent {
  const at = new Date(sample.at);
  const random = createHash('sha256').update(contract.name).digest();
  const id = uuidv7({ msecs: at.getTime(), random, seq: 0 });
  const event = toCloudEvent(contract, contract.example, {}, at).cloneWith({ id });
  const texts = JSON.parse(JSON.stringify(event)) as Readonly<Record<string, string>>;
  const attributes = attributesOf(contract).flatMap(({ name }) => {
    const text = texts[name];
    return text === undefined ? [] : [[name, text] as const];
  });
  return { attributes: Object.fromEntries(attributes), data: Buffer.from(JSON.stringify(contract.example)) };
}

function subscribersOf({ attributes }: WireEvent, triggers: readonly TriggerManifest[]): string[] {
  const wanting = triggers.filter((trigger) => compileFilter({ attributes: trigger.attributes })(attributes));
  return [
    ...new Set(wanting.map(({ subscriber }) => subscriber.ref?.name ?? subscriber.uri ?? '')),
  ].toSorted();
}
