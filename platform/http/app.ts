import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import type { EventContract } from '../contract.ts';
import { problems } from '../errors.ts';
import type { ServiceMetrics } from '../metrics.ts';
import { answerRoute, type AnswerOptions } from './answer.ts';
import { asProblem, respondProblem } from './respond.ts';
import type { Route } from './route.ts';

/** What the HTTP face of a service shows. */
export interface AppOptions<Deps> extends AnswerOptions<Deps> {
  readonly routes: readonly Route<EventContract, Deps>[];
  /** Describes the API, when somebody first asks for it. */
  readonly openapi: () => Record<string, unknown>;
  /** Answers `POST /events`; without it there is no such path. */
  readonly answerEvent?: ((request: Request, response: Response) => Promise<void>) | undefined;
  /** Why the service is not ready, or `undefined` when it is. */
  readonly notReady: () => Promise<string | undefined>;
  readonly metrics: Pick<ServiceMetrics, 'registry' | 'requests'>;
}

const malformedPath = problems.malformed('the path is not percent-encoded UTF-8', [
  { field: 'path', message: 'must be percent-encoded UTF-8' },
]);

/** The HTTP face of a service: events, its own routes, health, metrics, and a description of all of it. */
export function createApp<Deps>(options: AppOptions<Deps>): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  // Before everything else: deliveries are by far the most frequent requests.
  const { answerEvent } = options;
  if (answerEvent) app.post('/events', (request, response) => answerEvent(request, response));
  // Whether there is TLS in front is not known here: pages must work without it.
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));
  addOperational(app, options);
  for (const route of options.routes) {
    app[route.method](route.path, (request, response) => answerRoute(options, route, request, response));
  }
  refuseOtherMethods(app, options);
  app.use((request, response) => {
    respondProblem(response, problems.notFound(`there is nothing at ${request.path}`));
  });
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    respondProblem(response, error instanceof URIError ? malformedPath : asProblem(error, options.log));
  });
  return app;
}

function addOperational<Deps>(app: Express, { openapi, notReady, metrics }: AppOptions<Deps>): void {
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', async (_request, response) => {
    const reason = await notReady();
    if (reason === undefined) response.json({ status: 'ready' });
    else respondProblem(response, problems.unavailable(reason));
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
  let description: Record<string, unknown> | undefined;
  app.get('/openapi.json', (_request, response) => {
    description ??= openapi();
    response.json(description);
  });
}

/** A path that exists answers other methods with 405 and the ones it has. */
function refuseOtherMethods<Deps>(app: Express, { routes, answerEvent }: AppOptions<Deps>): void {
  const operational = ['/healthz', '/readyz', '/metrics', '/openapi.json'];
  const methods = new Map<string, string[]>([
    ...(answerEvent ? [['/events', ['POST']] as [string, string[]]] : []),
    ...operational.map((path): [string, string[]] => [path, ['GET']]),
  ]);
  for (const { path, method } of routes)
    methods.set(path, [...(methods.get(path) ?? []), method.toUpperCase()]);
  for (const [path, allowed] of methods) {
    app.all(path, (request, response) => {
      respondProblem(response, problems.methodNotAllowed(request.method, allowed));
    });
  }
}
