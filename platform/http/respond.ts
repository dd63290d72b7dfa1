import type { ServerResponse } from 'node:http';
import { Problem, problemDocument, problems } from '../errors.ts';
import type { Log } from '../log.ts';
import { StoreError } from '../store/errors.ts';
import type { Reply } from './route.ts';

/** Knative's in-memory dispatcher breaks on error bodies above 768 bytes (broker-contract, section 3.4). */
export const MAX_EVENT_PROBLEM_BYTES = 700;

/** Sends what a route answered. */
export async function respond(response: ServerResponse, reply: Reply): Promise<void> {
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (reply.stream) {
    response.statusCode = reply.status;
    // Express answers HEAD by the route of GET: headers it shall have, but no stream that never ends.
    if (response.req.method === 'HEAD') response.end();
    else await reply.stream(response);
  } else if (reply.bytes) {
    response.writeHead(reply.status, { 'content-type': reply.bytes.type }).end(reply.bytes.content);
  } else if (reply.body === undefined) {
    response.writeHead(reply.status).end();
  } else {
    response
      .writeHead(reply.status, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(reply.body));
  }
}

/** The problem behind anything thrown; what is not one yet is logged and becomes a 500 that tells nothing. */
export function asProblem(error: unknown, log: Log): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) {
    log.error({ err: error }, 'the database failed');
    return problems.unavailable('the database did not answer; try again', error);
  }
  log.error({ err: error }, 'a request failed');
  return new Problem(500, 'Internal error', 'something went wrong here; the log has the details');
}

/** Answers with a problem document (RFC 9457), at most `limit` bytes long. */
export function respondProblem(response: ServerResponse, problem: Problem, limit?: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json; charset=utf-8' })
    .end(problemDocument(problem, limit));
}
