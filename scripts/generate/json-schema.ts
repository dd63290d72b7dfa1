import { z } from 'zod';
import type { EventContract } from '../../platform/contract.ts';

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** File name of an event's JSON Schema: its type, and what further attributes tell it from others of that type. */
export function schemaFile(contract: EventContract): string {
  return `${[contract.type, ...Object.values(contract.attributes)].join('.')}.schema.json`;
}

/** JSON Schema of an event's data, as a document of its own. */
export function schemaDocument(contract: EventContract): string {
  const { $schema, ...schema } = jsonSchema(contract, 'draft-2020-12');
  const document = {
    $schema,
    $id: contract.dataschema,
    title: contract.name,
    description: contract.summary,
    ...schema,
    examples: [contract.example],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** What a producer may send: unknown fields are allowed, because receivers pass over them. */
export function jsonSchema(contract: EventContract, target: 'draft-2020-12' | 'draft-7'): JsonSchema {
  return z.toJSONSchema(contract.schema, {
    target,
    io: 'input',
    override({ jsonSchema: schema }) {
      // zod spells out the whole calendar; "date-time" says that already, all but the UTC.
      if (schema.format === 'date-time') schema.pattern = 'Z$';
    },
  });
}
