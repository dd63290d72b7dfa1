import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import { describeApi } from '../../../platform/http/openapi.ts';
import { routeFor } from '../../../platform/http/route.ts';
import { services } from '../../../services/index.ts';
import type { Emits } from '../../support/example.ts';

const route = routeFor<Emits, object>();
const cookie = { type: 'apiKey', in: 'cookie', name: 'who' };
const info = { title: 'Example', description: 'An example', version: '1.0.0' };

async function problemsOf(document: unknown): Promise<unknown> {
  const result = await new Validator().validate(structuredClone(document) as Record<string, unknown>);
  return result.valid ? [] : result.errors;
}

const everything = route({
  method: 'post',
  path: '/api/orders/:id/lines/:line',
  summary: 'Everything at once',
  auth: 'customer',
  params: z.object({ id: z.string(), line: z.coerce.number() }),
  query: z.object({ dry: z.stringbool().optional(), size: z.coerce.number().default(1) }),
  headers: z.object({ 'idempotency-key': z.string().min(1) }),
  body: z.object({ note: z.string().trim().default('') }),
  responses: {
    201: { description: 'made', schema: z.object({ at: z.iso.datetime(), note: z.string() }) },
    204: { description: 'nothing to say' },
    200: { description: 'a label', contentType: 'application/pdf' },
  },
  handle: async () => ({ status: 204 }),
});

describe('describeApi', () => {
  it('makes a valid OpenAPI 3.1 document', async () => {
    const document = describeApi(info, [everything], cookie);
    expect(document).toMatchObject({ openapi: '3.1.0' });
    expect(await problemsOf(document)).toEqual([]);
  });

  it('lets tokens of the routes for events be left out: not every service asks for one', async () => {
    const document = describeApi(info, [{ ...everything, auth: 'event' }]);
    expect(document).toMatchObject({
      paths: { '/api/orders/{id}/lines/{line}': { post: { security: [{ event: [] }, {}] } } },
      components: { securitySchemes: { event: { type: 'http', scheme: 'bearer' } } },
    });
    expect(await problemsOf(document)).toEqual([]);
  });

  it('refuses routes for customers without a way for customers to show who they are', () => {
    expect(() => describeApi(info, [everything])).toThrow('no customerAuth');
  });

  it('would be caught if it did not', async () => {
    const { paths: _, ...broken } = describeApi(info, [everything], cookie);
    expect(await problemsOf({ ...broken, paths: { 'no-slash': 5 } })).not.toEqual([]);
  });

  it('describes parameters, body, answers and access as the route checks them', () => {
    const { paths } = describeApi(info, [everything], cookie) as {
      paths: Record<string, Record<string, unknown>>;
    };
    expect(paths['/api/orders/{id}/lines/{line}']?.['post']).toMatchObject({
      security: [{ customer: [] }],
      parameters: [
        { name: 'id', in: 'path', required: true },
        { name: 'line', in: 'path', required: true },
        { name: 'dry', in: 'query', required: false },
        { name: 'size', in: 'query', required: false },
        { name: 'idempotency-key', in: 'header', required: true },
      ],
      requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
      responses: {
        200: { content: { 'application/pdf': {} } },
        201: { content: { 'application/json': { schema: { required: ['at', 'note'] } } } },
        204: { description: 'nothing to say' },
        default: { content: { 'application/problem+json': {} } },
      },
    });
  });

  it.each(services.map((card) => [card.name, card] as const))(
    'describes the API of %s validly',
    async (_name, card) => {
      const document = describeApi({ ...info, title: card.name }, card.routes, card.customerAuth);
      expect(await problemsOf(document)).toEqual([]);
    },
  );
});
