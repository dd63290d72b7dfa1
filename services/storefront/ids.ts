import { randomBytes } from 'node:crypto';

/** Crockford's base32: no letter that people take for another. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A number that people can read out, and nobody can guess. */
export function newOrderId(): string {
  return `TW-${random(12)}`;
}

export function newCustomerId(): string {
  return `cus-${random(26).toLowerCase()}`;
}

function random(length: number): string {
  return Array.from(randomBytes(length), (byte) => ALPHABET[byte % 32]).join('');
}
