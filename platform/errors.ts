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

/** An error with its HTTP status, answered as a problem document (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, title: string, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.title = title;
    this.errors = options.errors ?? [];
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
  /** 503: try again soon. */
  unavailable: (detail: string, cause?: unknown) =>
    new Problem(503, 'Service unavailable', detail, { headers: { 'retry-after': '1' }, cause }),
} as const;

/** A problem document; with `limit`, shortened until its JSON fits that many bytes. */
export function problemDocument(problem: Problem, limit = Number.POSITIVE_INFINITY): string {
  const document = (errors: readonly FieldError[], detail: string): string =>
    JSON.stringify({
      type: 'about:blank',
      title: problem.title,
      status: problem.status,
      detail,
      ...(errors.length > 0 ? { errors } : {}),
    });
  let errors = problem.errors;
  let text = document(errors, problem.message);
  while (Buffer.byteLength(text) > limit && errors.length > 1) {
    errors = errors.slice(0, -1);
    text = document(errors, problem.message);
  }
  if (Buffer.byteLength(text) <= limit) return text;
  return document(
    errors.map((error) => ({ field: cut(error.field), message: cut(error.message) })),
    cut(problem.message),
  );
}

function cut(value: string): string {
  return value.length > 120 ? `${value.slice(0, 119)}…` : value;
}

/** The refusals of a zod error, as fields with the path people use. */
export function fieldErrors(
  issues: readonly { path: readonly PropertyKey[]; message: string }[],
  root = 'body',
): FieldError[] {
  return issues.map((issue) => ({ field: fieldPath(issue.path) || root, message: issue.message }));
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
