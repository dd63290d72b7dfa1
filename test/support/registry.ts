import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A registry, as far as the OCI distribution specification has pushes and pulls; it keeps all in memory. */
export async function openRegistry(): Promise<{ readonly host: string } & AsyncDisposable> {
  const kept = new Map<string, { body: Buffer; type: string }>();
  const server = createServer((request, response) => {
    void answer(request, response, kept);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  kept: Map<string, { body: Buffer; type: string }>,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://registry');
  const [, name, kind, reference = ''] = /^\/v2\/(.+)\/(blobs|manifests)\/(.*)$/.exec(pathname) ?? [];
  if (request.method === 'POST') {
    response.writeHead(202, { location: `/v2/${name}/blobs/uploads/1` }).end();
    return;
  }
  if (request.method === 'PUT') {
    const body = await buffer(request);
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    const entry = { body, type: request.headers['content-type'] ?? '' };
    for (const key of [digest, kind === 'manifests' ? reference : (searchParams.get('digest') ?? '')])
      kept.set(`${name}/${kind}/${key}`, entry);
    response.writeHead(201, { 'docker-content-digest': digest, location: pathname }).end();
    return;
  }
  const found = kept.get(`${name}/${kind}/${reference}`);
  if (!found) {
    response.writeHead(pathname === '/v2/' ? 200 : 404).end();
    return;
  }
  const digest = `sha256:${createHash('sha256').update(found.body).digest('hex')}`;
  const headers = {
    'docker-content-digest': digest,
    'content-type': found.type,
    'content-length': found.body.length,
  };
  response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : found.body);
}
