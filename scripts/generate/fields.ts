import type { JsonSchema } from './json-schema.ts';

/** One line of an event's table of fields. */
export interface Field {
  /** Path such as `lines[].sku`. */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly rules: string;
  readonly meaning: string;
}

/** Every field of an object's schema, nested ones after the one that holds them. */
export function fieldsOf(schema: JsonSchema, prefix = ''): Field[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = prefix + name;
    const field = asObject(property);
    const items = asObject(field.items);
    return [
      {
        path,
        type: typeOf(field),
        required: required.has(name),
        rules: rulesOf(field),
        meaning: field.description ?? '',
      },
      ...fieldsOf(field, `${path}.`),
      ...fieldsOf(items, `${path}[].`),
    ];
  });
}

function asObject(schema: unknown): JsonSchema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema)
    ? (schema as JsonSchema)
    : {};
}

function typeOf({ type, format }: JsonSchema): string {
  return format ?? String(type);
}

function rulesOf(schema: JsonSchema): string {
  const { minLength, maxLength, minimum, maximum, minItems, maxItems, pattern, format } = schema;
  const max = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const rules = [
    schema.enum ? schema.enum.map((value) => `\`${String(value)}\``).join(', ') : '',
    range(minimum, max, ''),
    range(minLength, maxLength, ' characters'),
    range(minItems, maxItems, ' items'),
    pattern && !format ? `\`${pattern}\`` : '',
  ];
  return rules.filter((rule) => rule !== '').join('; ');
}

function range(min: number | undefined, max: number | undefined, unit: string): string {
  if (min === undefined && max === undefined) return '';
  if (max === undefined) return `at least ${min}${unit}`;
  return min === undefined ? `at most ${max}${unit}` : `${min} to ${max}${unit}`;
}
