import { z } from 'zod';
import { inWords } from './wording.ts';

z.config({ customError: inWords });

/** One field that was refused, and why. `field` is a path such as `lines[0].quantity`, a header or an attribute. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

interface ProblemOptions {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

// Whoever sends ten thousand mistakes must not get them all back, nor fill the log with them.
const MAX_DETAIL = 2000;
const MAX_ERRORS = 20;

/** An error with its HTTP status, answered as a problem document (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, title: string, detail: string, options: ProblemOptions = {}) {
    super(cut(detail, MAX_DETAIL), options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.title = title;
    this.errors = options.errors?.slice(0, MAX_ERRORS) ?? [];
    this.headers = options.headers ?? {};
  }
}

/** The catalogue: every refusal of the project is one of these. */
export const problems = {
  /** 400: the request cannot be read at all. */
  malformed: (detail: string, errors: readonly FieldError[] = []) =>
    new Problem(400, 'Malformed request', detail, { errors }),
  /** 401: no valid credentials. */
  unauthenticated: (detail: string, scheme?: string) =>
    new Problem(401, 'Not authenticated', detail, scheme ? { headers: { 'www-authenticate': scheme } } : {}),
  /** 403: known, but not allowed. */
  forbidden: (detail: string) => new Problem(403, 'Not allowed', detail),
  /** 404: not there, or not yours. */
  notFound: (detail: string) => new Problem(404, 'Not found', detail),
  /** 405: the path exists, the method does not. */
  methodNotAllowed: (method: string, allowed: readonly string[]) =>
    new Problem(405, 'Method not allowed', `${method} is not possible here; use ${allowed.join(' or ')}`, {
      headers: { allow: allowed.join(', ') },
    }),
  /** 409: right in form, but not in the present state. */
  conflict: (detail: string) => new Problem(409, 'Conflict', detail),
  /** 413: the body is over the limit. */
  tooLarge: (limit: number) => new Problem(413, 'Body too large', `the body may have ${limit} bytes at most`),
  /** 415: not a content type that this route takes. */
  unsupportedMediaType: (given: string | undefined, allowed: string) =>
    new Problem(
      415,
      'Unsupported media type',
      `content-type is ${given ? `"${given}"` : 'missing'}; send ${allowed}`,
      {
        errors: [{ field: 'content-type', message: `must be ${allowed}` }],
      },
    ),
  /** 422: readable, but against the rules. */
  invalid: (detail: string, errors: readonly FieldError[]) =>
    new Problem(422, 'Invalid content', detail, { errors }),
  /** 429: more than one client may have. */
  tooMany: (detail: string) =>
    new Problem(429, 'Too many requests', detail, { headers: { 'retry-after': '1' } }),
  /** 503: try again soon. */
  unavailable: (detail: string, cause?: unknown) =>
    new Problem(503, 'Service unavailable', detail, { headers: { 'retry-after': '1' }, cause }),
} as const;

/** A problem document; with `limit`, shortened until its JSON fits that many bytes. */
export function problemDocument(problem: Problem, limit = Number.POSITIVE_INFINITY): string {
  let text = asDocument(problem, problem.errors);
  for (let count = problem.errors.length - 1; count >= 1 && tooLong(text, limit); count -= 1) {
    text = asDocument(problem, problem.errors.slice(0, count));
  }
  for (let length = 120; length >= 1 && tooLong(text, limit); length = Math.floor(length / 2)) {
    text = asDocument(problem, problem.errors.slice(0, 1), length);
  }
  return text;
}

function asDocument(
  problem: Problem,
  errors: readonly FieldError[],
  length = Number.POSITIVE_INFINITY,
): string {
  return JSON.stringify({
    type: 'about:blank',
    title: problem.title,
    status: problem.status,
    detail: cut(problem.message, length),
    ...(errors.length > 0
      ? {
          errors: errors.map(({ field, message }) => ({
            field: cut(field, length),
            message: cut(message, length),
          })),
        }
      : {}),
  });
}

function tooLong(text: string, limit: number): boolean {
  return Buffer.byteLength(text) > limit;
}

function cut(value: string, length: number): string {
  return value.length > length ? `${value.slice(0, length - 1)}…` : value;
}

/** The refusals of a zod error, as fields with the path people use; of each field the last one, which says most. */
export function fieldErrors(
  issues: readonly { path: readonly PropertyKey[]; message: string; keys?: readonly string[] }[],
  root = 'body',
): FieldError[] {
  const errors = issues.flatMap(({ path, message, keys }) =>
    keys
      ? keys.map((key) => ({ field: fieldPath([...path, key]), message: 'is not known here; leave it out' }))
      : [{ field: fieldPath(path) || root, message }],
  );
  return [...new Map(errors.map((error) => [error.field, error])).values()];
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key),
    '',
  );
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
