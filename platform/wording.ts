import type { z } from 'zod';

type Issue = z.core.$ZodRawIssue;

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  boolean: 'true or false',
};
const FORMS: Readonly<Record<string, string>> = {
  email: 'must be an e-mail address',
  url: 'must be a URL',
  datetime: 'must be a time in UTC such as 2026-01-31T12:00:00Z',
};

/** What is wrong with a value, in words for whoever sent it; `undefined` leaves it to the library. */
export function inWords(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue);
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return tooBig(issue);
    case 'invalid_format':
      return FORMS[issue.format];
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    default:
      return undefined;
  }
}

function wrongType({ input, expected }: Extract<Issue, { code?: 'invalid_type' }>): string {
  return input === undefined ? 'is missing' : `must be ${NOUNS[expected] ?? expected}`;
}

function tooSmall({ origin, minimum }: Extract<Issue, { code?: 'too_small' }>): string {
  if (origin === 'string')
    return minimum === 1 ? 'must not be empty' : `must have ${minimum} characters or more`;
  if (origin === 'array') return minimum === 1 ? 'must not be empty' : `must have ${minimum} entries or more`;
  return `must be ${minimum} or more`;
}

function tooBig({ origin, maximum }: Extract<Issue, { code?: 'too_big' }>): string {
  if (origin === 'string') return `may have ${maximum} characters at most`;
  if (origin === 'array') return `may have ${maximum} entries at most`;
  return `must be ${maximum} or less`;
}
