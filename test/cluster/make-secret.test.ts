import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { root } from '../support/root.ts';

interface Run {
  readonly code: number | null;
  readonly said: string;
  readonly asked: { path: string | undefined; authorization: string | undefined; body: Secret };
}

interface Secret {
  readonly metadata: { readonly name: string };
  readonly stringData: Readonly<Record<string, string>>;
}

/** Runs the program against an API server that answers as Kubernetes does. */
async function makeSecret(status: number, answer: object): Promise<Run> {
  let asked: Run['asked'] | undefined;
  const server = createServer((request, response) => {
    void answerWith(request, response);
  });
  const answerWith = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { authorization } = request.headers;
    asked = { path: request.url, authorization, body: JSON.parse(await text(request)) as Secret };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  };
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const API_SERVER = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = {
    ...process.env,
    API_SERVER,
    SECRET_NAME: 'shop-secrets',
    NAMESPACE: 'eu',
    API_TOKEN: 'token',
  };
  const path = join(root, 'services/cluster/make-secret.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path], { env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  server.close();
  if (!asked) throw new Error(`it asked nothing: ${said}`);
  return { code, said, asked };
}

describe('the program that makes the shop’s secrets', () => {
  it('asks for a Secret with values that services accept, and tells nobody what they are', async () => {
    const { code, said, asked } = await makeSecret(201, { kind: 'Secret' });
    expect([code, said]).toEqual([0, 'made Secret shop-secrets\n']);
    expect(asked).toMatchObject({
      path: '/api/v1/namespaces/eu/secrets',
      authorization: 'Bearer token',
      body: { metadata: { name: 'shop-secrets' } },
    });
    const { 'staff-token': staff = '', 'session-secret': session = '' } = asked.body.stringData;
    expect(staff.length).toBeGreaterThanOrEqual(16);
    expect(session.length).toBeGreaterThanOrEqual(32);
  });

  it('is content when there is one', async () => {
    const { code, said } = await makeSecret(409, { message: 'secrets "shop-secrets" already exists' });
    expect([code, said]).toEqual([0, 'Secret shop-secrets is there already\n']);
  });

  it('says why it may not', async () => {
    const { code, said } = await makeSecret(403, { message: 'secrets is forbidden' });
    expect([code, said]).toEqual([
      1,
      'the API server refuses to make Secret shop-secrets: 403 secrets is forbidden\n',
    ]);
  });
});
