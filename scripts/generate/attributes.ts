import type { EventContract } from '../../platform/contract.ts';

/** A CloudEvents attribute of an event. */
export interface Attribute {
  readonly name: string;
  /** Its only value, where there is only one. */
  readonly value?: string;
  /** The field of the data that it repeats. */
  readonly field?: string;
  readonly optional?: boolean;
  readonly meaning: string;
}

/** The attributes that an event of this contract carries, in the order that documents list them. */
export function attributesOf(contract: EventContract): Attribute[] {
  const { route, example } = contract;
  const from = (value: unknown): { field?: string } => {
    const field = Object.keys(example).find((name) => example[name] === value);
    return field === undefined ? {} : { field };
  };
  return [
    { name: 'specversion', value: '1.0', meaning: 'version of CloudEvents' },
    {
      name: 'id',
      meaning: 'UUIDv7; with `source` it names the event, and a second delivery changes nothing',
    },
    { name: 'source', value: contract.source, meaning: 'the service that says it' },
    { name: 'type', value: contract.type, meaning: 'what has happened, with the major version' },
    ...Object.entries(contract.attributes).map(([name, value]) => ({
      name,
      value,
      meaning: 'tells it from others of its type, for Triggers',
    })),
    { name: 'subject', ...from(route.subject(example)), meaning: 'what it is about' },
    { name: 'time', meaning: 'when it happened; for people, never to decide which of two is newer' },
    { name: 'datacontenttype', value: 'application/json', meaning: 'media type of the data' },
    { name: 'dataschema', value: contract.dataschema, meaning: 'names the JSON Schema of the data' },
    {
      name: 'partitionkey',
      ...from(route.partitionKey(example)),
      meaning: 'events with the same key keep their order',
    },
    { name: 'correlationid', ...from(route.correlation(example)), meaning: 'whose story it belongs to' },
    ...(route.sequence
      ? [
          {
            name: 'sequence',
            ...from(route.sequence(example)),
            meaning: 'the revision; a higher one is newer',
          },
        ]
      : []),
    { name: 'causationid', optional: true, meaning: '`id` of the event that brought it about' },
    { name: 'traceparent', optional: true, meaning: 'W3C trace context' },
    { name: 'dataclassification', value: contract.classification, meaning: '`internal` or `confidential`' },
  ];
}
