/** Says whether an event is wanted, by its attributes as text. */
export type Filter = (attributes: Readonly<Record<string, string>>) => boolean;

/** `spec.filter` of a Trigger. The further dialects (`spec.filters`) join here: one compiler each, same result. */
export interface FilterSpec {
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

const EVERYTHING: Filter = () => true;

/**
 * Compiles `spec.filter.attributes`: all entries must be equal, case-sensitively; an empty value asks for any
 * non-empty one (Knative's attributes filter; broker-contract, section 2.1). No attributes: everything is wanted.
 */
export function compileFilter(spec: FilterSpec): Filter {
  const wanted = Object.entries(spec.attributes ?? {});
  if (wanted.length === 0) return EVERYTHING;
  return (attributes) => wanted.every(([name, value]) => fits(attributes[name], value));
}

function fits(actual: string | undefined, wanted: string): boolean {
  return wanted === '' ? actual !== undefined && actual !== '' : actual === wanted;
}
