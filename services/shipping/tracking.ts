import { suffixOf } from './shipment.ts';

const CODE = /^[0-9A-Z]{1,20}$/;
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** The parcel's number for customer and carrier: it follows from the order, so a parcel never gets two. */
export function trackingNumberOf(orderId: string): string {
  const suffix = suffixOf(orderId);
  const body = CODE.test(suffix) ? suffix : digest(suffix);
  return `TW${body}${checkDigitOf(body)}`;
}

/** Weighted sum modulo 10: finds one wrong character and two that changed places. */
function checkDigitOf(body: string): number {
  let sum = 0;
  for (let index = 0; index < body.length; index += 1) {
    sum += Number.parseInt(body.charAt(index), 36) * (index % 2 === 0 ? 3 : 1);
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
