import { z } from 'zod';
import type { EventContract } from '../contract.ts';
import type { Route } from './route.ts';

type AnyRoute = Pick<
  Route<EventContract, unknown>,
  'method' | 'path' | 'summary' | 'auth' | 'params' | 'query' | 'headers' | 'body' | 'responses'
>;

const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});

/** A security scheme of OpenAPI 3.1, such as a cookie by its name. */
export type SecurityScheme = Readonly<Record<string, string>>;

/**
 * Describes routes as an OpenAPI 3.1 document; every schema is the one that checks the request.
 * @param customerAuth how customers show who they are
 * @throws Error when there are routes for customers, and no way for them
 */
export function describeApi(
  info: { readonly title: string; readonly description: string; readonly version: string },
  routes: readonly AnyRoute[],
  customerAuth?: SecurityScheme,
): Record<string, unknown> {
  if (!customerAuth && routes.some((route) => route.auth === 'customer')) {
    throw new Error(`${info.title}: there are routes for customers, and no customerAuth`);
  }
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info,
    paths,
    components: {
      schemas: { Problem: jsonSchema(problem, 'output') },
      securitySchemes: {
        staff: { type: 'http', scheme: 'bearer', description: 'the STAFF_TOKEN of this service' },
        ...(customerAuth ? { customer: customerAuth } : {}),
        ...(routes.some((route) => route.auth === 'event') ? { event: eventAuth } : {}),
      },
    },
  };
}

function operation(route: AnyRoute): Record<string, unknown> {
  return {
    summary: route.summary,
    ...(route.auth === 'none' ? {} : { security: securityOf(route.auth) }),
    parameters: [
      ...parameters('path', route.params),
      ...parameters('query', route.query),
      ...parameters('header', route.headers),
    ],
    ...(route.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: jsonSchema(route.body, 'input') } },
          },
        }
      : {}),
    responses: { ...responses(route), default: problemResponse },
  };
}

const eventAuth = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'a token of OIDC_ISSUER for OIDC_AUDIENCE, where those are set',
};

function securityOf(auth: string): Record<string, string[]>[] {
  return auth === 'event' ? [{ event: [] }, {}] : [{ [auth]: [] }];
}

const problemResponse = {
  description: 'a problem document (RFC 9457) that names the field and the fix',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

function parameters(place: 'path' | 'query' | 'header', schema: z.ZodObject | undefined): unknown[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}

function responses(route: AnyRoute): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, { description, schema, contentType }]) => [
      status,
      {
        description,
        ...(schema || contentType
          ? {
              content: {
                [contentType ?? 'application/json']: schema ? { schema: jsonSchema(schema, 'output') } : {},
              },
            }
          : {}),
      },
    ]),
  );
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
