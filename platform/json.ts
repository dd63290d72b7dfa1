import { isUtf8 } from 'node:buffer';

/** Reads JSON from bytes. @throws SyntaxError when it is no JSON, or no UTF-8, as JSON between systems must be. */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new SyntaxError('the text is not UTF-8');
  return JSON.parse(bytes.toString('utf8'));
}

// The types of TypeScript do not have these yet: https://tc39.es/proposal-json-parse-with-source
const { parse, rawJSON } = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};
// What a number must look like to lose something on its way through a double: many digits, or an exponent.
const RISKY_NUMBER = /[:,[]\s*-?(?:[\d.]{16}|[\d.]+[eE])/;

/**
 * Like {@link parseJson}, for values that are only passed on: numbers keep every digit when the result is written by
 * `JSON.stringify`.
 */
export function parseJsonToPassOn(bytes: Buffer): unknown {
  const value = parseJson(bytes);
  const text = bytes.toString('utf8');
  if (!RISKY_NUMBER.test(text)) return value;
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value,
  );
}
