import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { EventContract } from '../contract.ts';
import { fieldErrors, problems, type FieldError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ServiceMetrics } from '../metrics.ts';
import { traceOf } from '../trace.ts';
import { readJson } from './body.ts';
import { asProblem, respond, respondProblem } from './respond.ts';
import type { Route, RouteContext, RouteHost } from './route.ts';
import { requireStaff } from './staff.ts';

/** What answering a route takes beside the request. */
export interface AnswerOptions<Deps> {
  readonly context: RouteHost<EventContract, Deps>;
  readonly staffToken: string | undefined;
  readonly maxBodyBytes: number;
  readonly log: Log;
  readonly metrics: Pick<ServiceMetrics, 'requests'>;
}

/** Answers a request to a route: checks who asks and every part of what is asked, and then lets the route decide. */
export async function answerRoute<Deps>(
  options: AnswerOptions<Deps>,
  route: Route<EventContract, Deps>,
  request: Request,
  response: Response,
): Promise<void> {
  const { context: host, staffToken, maxBodyBytes, log, metrics } = options;
  response.once('close', () =>
    metrics.requests.inc({ method: request.method, route: route.path, status: response.statusCode }),
  );
  try {
    if (route.auth === 'staff') requireStaff(request.headers.authorization, staffToken);
    const header = (name: string): string | undefined => request.get(name);
    route.precheck?.(header, host.deps);
    const checked = {
      params: check(route.params, printable(request.params), 'path'),
      query: check(route.query, printable(request.query), 'query'),
      body: route.body ? check(route.body, await readJson(request, maxBodyBytes), 'body') : undefined,
      raw: request,
      header,
    };
    const cause = traceOf(request.get('traceparent'));
    const context: RouteContext<EventContract, Deps> = {
      ...host,
      commit: (work) => host.commit(work, cause),
    };
    await respond(response, await route.handle(checked as never, context));
  } catch (error) {
    respondProblem(response, asProblem(error, log));
  }
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
