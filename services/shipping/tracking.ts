import { suffixOf } from '../../events/ids.ts';

/** Crockford's base 32, which the ids of orders are written in. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE = new RegExp(`^[${ALPHABET}]{1,20}$`);

/** The parcel's number for customer and carrier: it follows from the order, so a parcel never gets two. */
export function trackingNumberOf(orderId: string): string {
  const suffix = suffixOf(orderId);
  const body = CODE.test(suffix) ? suffix : digest(suffix);
  return `TW${body}${checkDigitOf(body)}`;
}

/** Weights of three and one by turns from the right, as in EAN codes: most slips of a typing hand show. */
function checkDigitOf(body: string): number {
  let sum = 0;
  for (let place = 0; place < body.length; place += 1) {
    sum += ALPHABET.indexOf(body.charAt(body.length - 1 - place)) * (place % 2 === 0 ? 3 : 1);
  }
  return (10 - (sum % 10)) % 10;
}

/** An id of somebody else's making, as twelve characters that a barcode can carry (FNV-1a, twice). */
function digest(text: string): string {
  return code(fnv(text, 0x811c9dc5)) + code(fnv(text, 0x01000193));
}

function fnv(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
}

function code(value: number): string {
  let text = '';
  for (let rest = value, place = 0; place < 6; place += 1, rest = Math.floor(rest / 32)) {
    text += ALPHABET.charAt(rest % 32);
  }
  return text;
}
