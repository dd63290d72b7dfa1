import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { z } from 'zod';
import { fieldErrors, problemDocument, problems } from '../../platform/errors.ts';

describe('a problem document', () => {
  it('says what is wrong, where, and with which status', () => {
    const problem = problems.invalid('quantity is wrong', [
      { field: 'quantity', message: 'must be 1 or more' },
    ]);
    expect(JSON.parse(problemDocument(problem))).toEqual({
      type: 'about:blank',
      title: 'Invalid content',
      status: 422,
      detail: 'quantity is wrong',
      errors: [{ field: 'quantity', message: 'must be 1 or more' }],
    });
  });

  it('fits a limit by dropping the last errors first', () => {
    const errors = Array.from({ length: 15 }, (_, index) => ({
      field: `f${index}`,
      message: 'x'.repeat(50),
    }));
    const text = problemDocument(problems.invalid('many', errors), 700);
    const fields = JSON.parse(text).errors.map(({ field }: { field: string }) => field);
    expect(fields.slice(0, 3)).toEqual(['f0', 'f1', 'f2']);
    expect(fields.length).toBeLessThan(15);
  });

  it('fits a limit whatever its texts are', () => {
    const text = fc.string({ unit: 'binary', maxLength: 5000 });
    const error = fc.record({ field: text, message: text });
    fc.assert(
      fc.property(text, fc.array(error, { maxLength: 30 }), (detail, errors) => {
        const document = problemDocument(problems.malformed(detail, errors), 700);
        expect(Buffer.byteLength(document)).toBeLessThanOrEqual(700);
        expect(JSON.parse(document)).toMatchObject({ status: 400 });
      }),
    );
  });

  it('does not give ten thousand mistakes back', () => {
    const errors = Array.from({ length: 10_000 }, () => ({ field: 'x'.repeat(100), message: 'wrong' }));
    const problem = problems.invalid('x'.repeat(1_000_000), errors);
    expect(problemDocument(problem).length).toBeLessThan(10_000);
  });
});

describe('fieldErrors', () => {
  it('names a field by the path people use, and the whole by its place', () => {
    const schema = z.object({ lines: z.array(z.object({ sku: z.string() })) });
    const issuesOf = (value: unknown) => schema.safeParse(value).error?.issues ?? [];
    expect(fieldErrors(issuesOf({ lines: [{ sku: 'a' }, {}] })).map(({ field }) => field)).toEqual([
      'lines[1].sku',
    ]);
    expect(fieldErrors(issuesOf('text'), 'data').map(({ field }) => field)).toEqual(['data']);
  });
});
