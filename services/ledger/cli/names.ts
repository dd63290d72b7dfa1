import { vocabulary } from '../../../events/index.ts';
import { nameOf } from '../words.ts';

// Contracts that share a type, like the two of customer.updated, are told apart after a slash.
const names = vocabulary.map(({ name, type }) => ({ name: name.split('/', 1)[0] ?? name, type }));
const byType = new Map(names.map(({ name, type }) => [type, name]));
const byName = new Map(names.map(({ name, type }) => [name, type]));
const sources = new Map(vocabulary.map((contract) => [contract.emitter, contract.source]));

/** What people call a type: `order.placed` for one of the shop's, the whole type for any other. */
export function shortType(type: string): string {
  return byType.get(type) ?? type;
}

/** The type behind a name of the vocabulary; anything else is a whole type already. */
export function fullType(name: string): string {
  return byName.get(name) ?? name;
}

/** The source of a service's events; anything else is a whole source already. */
export function fullSource(name: string): string {
  return sources.get(name) ?? name;
}

/** Whose address it is that failed. */
export function shortSubscriber(address: string): string {
  return address === '' ? 'unknown' : nameOf(address);
}

/** One word of a shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What starts every command; the docs and the help use the same. */
export const COMMAND = 'npm run --silent events --';
