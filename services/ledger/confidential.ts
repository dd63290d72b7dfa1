import { vocabulary } from '../../events/index.ts';

const confidential: ReadonlySet<string> = new Set(
  vocabulary
    .filter(({ classification }) => classification === 'confidential')
    .map(({ type }) => kindOf(type)),
);

/**
 * Whether an event carries an address or a contact: its label says so, or it is of a kind that always does. A wrong
 * label must not open the archive, so what is called internal but is of such a kind, in any version, is confidential.
 */
export function isConfidential({ type = '', dataclassification }: Readonly<Record<string, string>>): boolean {
  return dataclassification !== 'internal' || confidential.has(kindOf(type));
}

function kindOf(type: string): string {
  return type.toLowerCase().replace(/\.v\d+$/, '');
}
