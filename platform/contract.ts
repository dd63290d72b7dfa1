import type { z } from 'zod';

/** `internal` may be archived anywhere; `confidential` carries an address or a contact and is archived nowhere. */
export type Classification = 'internal' | 'confidential';

/**
 * One kind of event, stated once: everything else (JSON Schema, AsyncAPI, docs, validation on both sides) is derived.
 * @typeParam Name what people call it, like `order.placed`.
 * @typeParam Schema the zod schema of its data.
 */
export interface EventContract<Name extends string = string, Schema extends z.ZodObject = z.ZodObject> {
  readonly name: Name;
  /** CloudEvents `type`, with the major version at its end. */
  readonly type: string;
  readonly version: number;
  /** The service that emits it. */
  readonly emitter: string;
  /** CloudEvents `source`: names the emitter. Intake believes the event of no other. */
  readonly source: string;
  /** CloudEvents `dataschema`: an absolute URI that names schema and version. */
  readonly dataschema: string;
  readonly classification: Classification;
  /** Further attributes that a Trigger may select by. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly schema: Schema;
  /** One sentence: what has happened. */
  readonly summary: string;
  readonly example: z.infer<Schema>;
  /** How the attributes follow from the data. */
  readonly route: Routing<z.infer<Schema>>;
}

/** How the routing attributes of an event follow from its data. */
export interface Routing<Data> {
  /** CloudEvents `subject`: the order, shipment, customer or article it is about. */
  subject(data: Data): string;
  /** Extension `partitionkey`: events with the same key keep their order where a Trigger asks for it. */
  partitionKey(data: Data): string;
  /** Extension `correlationid`: the order (or else the subject) whose story this event belongs to. */
  correlation(data: Data): string;
  /** Extension `sequence`: the revision, where receivers must tell newer from older. */
  sequence?(data: Data): number;
}

/** The data of a contract. */
export type DataOf<C extends EventContract> = z.infer<C['schema']>;

/**
 * What a decision says has happened: an event's name and data. Id, time and attributes are added by the platform.
 * Plain data, so that decisions need no import at run time.
 */
export type Fact<C extends EventContract> = C extends EventContract
  ? { readonly event: C['name']; readonly data: Immutable<DataOf<C>> }
  : never;

/** A value that nobody changes, all the way down. */
export type Immutable<T> = T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> } : T;

interface Definition<Name extends string, Schema extends z.ZodObject> {
  readonly name: Name;
  readonly type?: string;
  readonly version?: number;
  readonly emitter: string;
  readonly classification?: Classification;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly schema: Schema;
  readonly summary: string;
  readonly example: z.infer<Schema>;
  readonly route: Routing<z.infer<Schema>>;
}

/** What the names of all events of one system begin with. */
export interface Naming {
  /** Of `type`: `<prefix>.<name>.v<version>`. */
  readonly type: string;
  /** Of `source`: `<prefix>/<emitter>`. */
  readonly source: string;
  /** Of `dataschema`: `<prefix>:<name>:v<version>`. */
  readonly dataschema: string;
}

/** Makes the function that defines the event contracts of a system. */
export function contractsOf(naming: Naming) {
  /**
   * Defines an event contract.
   * @param definition `type` follows from name and version by default; `version` is 1, `classification` `internal`.
   */
  return function defineEvent<const Name extends string, Schema extends z.ZodObject>(
    definition: Definition<Name, Schema>,
  ): EventContract<Name, Schema> {
    const { version = 1, classification = 'internal', attributes = {}, ...rest } = definition;
    return {
      ...rest,
      type: definition.type ?? `${naming.type}.${definition.name}.v${version}`,
      version,
      classification,
      attributes,
      source: `${naming.source}/${definition.emitter}`,
      dataschema: `${naming.dataschema}:${definition.name.replaceAll('/', ':')}:v${version}`,
    };
  };
}
