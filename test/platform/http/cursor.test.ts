import { describe, expect, it } from '@jest/globals';
import { cursorOf } from '../../../platform/http/cursor.ts';

const { schema, after } = cursorOf('placedAt', 'id');
const entry = { placedAt: '2026-11-24T09:30:00.000Z', id: 'a/ü' };
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a cursor', () => {
  it('leads back to where a page ended, and fits into an address as it is', () => {
    const text = after(entry);
    expect(encodeURIComponent(text)).toBe(text);
    expect(schema.parse(text)).toEqual(entry);
  });

  it.each([
    ['nonsense', 'nonsense'],
    ['another document', encoded({ id: 1 })],
    ['no instant', encoded(['yesterday', 'a'])],
    ['an id with a control character', encoded([entry.placedAt, '\u0000'])],
    ['an id too long', encoded([entry.placedAt, 'x'.repeat(65)])],
    ['too long a text', 'x'.repeat(201)],
  ])('is refused when it is %s', (_what, text) => {
    expect(schema.safeParse(text).success).toBe(false);
  });
});
