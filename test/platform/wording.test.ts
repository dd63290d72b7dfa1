import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { fieldErrors } from '../../platform/errors.ts';

const schema = z.strictObject({
  name: z.string().min(1).max(5),
  code: z.string().min(3),
  count: z.int().min(1).max(10),
  lines: z.array(z.string()).min(1).max(2),
  kind: z.enum(['a', 'b']),
  email: z.email(),
  at: z.iso.datetime(),
});
const good = {
  name: 'x',
  code: 'abc',
  count: 1,
  lines: ['x'],
  kind: 'a',
  email: 'a@b.de',
  at: '2026-01-01T00:00:00Z',
};

describe('what is wrong with a value', () => {
  it.each([
    [{ name: undefined }, 'name', 'is missing'],
    [{ name: 5 }, 'name', 'must be text'],
    [{ name: '' }, 'name', 'must not be empty'],
    [{ name: '123456' }, 'name', 'may have 5 characters at most'],
    [{ code: 'a' }, 'code', 'must have 3 characters or more'],
    [{ count: 1.5 }, 'count', 'must be a whole number'],
    [{ count: 0 }, 'count', 'must be 1 or more'],
    [{ count: 1e300 }, 'count', 'must be 10 or less'],
    [{ lines: 'x' }, 'lines', 'must be a list'],
    [{ lines: [] }, 'lines', 'must not be empty'],
    [{ lines: ['a', 'b', 'c'] }, 'lines', 'may have 2 entries at most'],
    [{ lines: [1] }, 'lines[0]', 'must be text'],
    [{ kind: 'c' }, 'kind', 'must be one of a, b'],
    [{ email: 'x' }, 'email', 'must be an e-mail address'],
    [{ at: 'today' }, 'at', 'must be a time in UTC such as 2026-01-31T12:00:00Z'],
    [{ more: 1 }, 'more', 'is not known here; leave it out'],
  ])('is said of %j in plain words', (change, field, message) => {
    const result = schema.safeParse({ ...good, ...change });
    expect(fieldErrors(result.error?.issues ?? [])).toEqual([{ field, message }]);
  });
});
