import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { EventContract } from '../contract.ts';
import { fieldErrors, problems, type FieldError, type Problem } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ServiceMetrics } from '../metrics.ts';
import type { EventGuard } from '../oidc/guard.ts';
import { answering } from '../trace/spans.ts';
import type { Span, Tracing } from '../trace/tracing.ts';
import { readJson } from './body.ts';
import { asProblem, MAX_EVENT_PROBLEM_BYTES, respond, respondProblem } from './respond.ts';
import type { Route, RouteContext, RouteHost } from './route.ts';
import { requireStaff } from './staff.ts';

/** What answering a route takes beside the request. */
export interface AnswerOptions<Deps> {
  readonly context: RouteHost<EventContract, Deps>;
  readonly staffToken: string | undefined;
  /** Of the routes that brokers bring events to. */
  readonly guard: EventGuard | undefined;
  readonly maxBodyBytes: number;
  readonly log: Log;
  readonly metrics: Pick<ServiceMetrics, 'requests'>;
  readonly tracing: Tracing;
}

/** Answers a request to a route: checks who asks and every part of what is asked, and then lets the route decide. */
export async function answerRoute<Deps>(
  options: AnswerOptions<Deps>,
  route: Route<EventContract, Deps>,
  request: Request,
  response: Response,
): Promise<void> {
  const { metrics, tracing } = options;
  response.once('close', () =>
    metrics.requests.inc({ method: request.method, route: route.path, status: response.statusCode }),
  );
  const start = answering(request.method, route.path, request.get('traceparent'));
  await tracing.span(start, async (span) => {
    await answerTraced(options, route, request, response, span);
    span.set({ 'http.response.status_code': response.statusCode });
  });
}

async function answerTraced<Deps>(
  options: AnswerOptions<Deps>,
  route: Route<EventContract, Deps>,
  request: Request,
  response: Response,
  span: Span,
): Promise<void> {
  const { context: host, staffToken, guard, maxBodyBytes, log } = options;
  try {
    if (route.auth === 'staff') requireStaff(request.headers.authorization, staffToken);
    if (route.auth === 'event') await guard?.admit(request.headers.authorization);
    const header = (name: string): string | undefined => request.get(name);
    route.precheck?.(header, host.deps);
    const checked = {
      params: check(route.params, printable(request.params), 'path'),
      query: check(route.query, printable(request.query), 'query'),
      body: route.body ? check(route.body, await readJson(request, maxBodyBytes), 'body') : undefined,
      raw: request,
      header,
    };
    const context: RouteContext<EventContract, Deps> = {
      ...host,
      commit: (work) => host.commit(work, span.cause),
    };
    await respond(response, await route.handle(checked as never, context));
  } catch (error) {
    const problem = asProblem(error, log);
    if (problem.status >= 500) span.fail(String(problem.status), problem.message);
    if (route.auth === 'event') refuseEvent(response, route.path, problem, log);
    else respondProblem(response, problem);
  }
}

/** What a broker is refused it may give up for good: that must be seen. */
function refuseEvent(response: Response, path: string, problem: Problem, log: Log): void {
  log.warn({ path, status: problem.status, reason: problem.message }, 'event refused');
  respondProblem(response, problem, MAX_EVENT_PROBLEM_BYTES);
}

function check(schema: z.ZodType | undefined, value: unknown, place: string): unknown {
  if (!schema) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refusal(fieldErrors(result.error.issues, place));
}

/** What stands in an address names something; not every database takes control characters in a key. */
function printable<Values extends object>(values: Values): Values {
  const errors = Object.entries(values)
    .filter(([, value]) => /\p{Cc}/u.test(String(value)))
    .map(([field]) => ({ field, message: 'must not have control characters' }));
  if (errors.length > 0) throw refusal(errors);
  return values;
}

function refusal(errors: readonly FieldError[]): Error {
  return problems.invalid(errors.map(({ field, message }) => `${field}: ${message}`).join('; '), errors);
}
