import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKeys } from '../../../platform/oidc/issuer.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { asked, exampleService } from '../../support/example.ts';
import { TestIssuer } from '../../support/issuer.ts';
import { connectTo } from '../../support/raw.ts';
import { call, startTestService, type Answer, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const AUDIENCE = 'urn:example:service';
const SUBJECT = 'system:serviceaccount:shop:trigger';
const KEYS = '/openid/v1/jwks';

let folder: string;
let issuer: TestIssuer;
let service: TestService | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tradewind-oidc-'));
  issuer = await TestIssuer.open();
});
afterEach(async () => {
  await service?.close();
  service = undefined;
  await issuer.leave();
  await rm(folder, { recursive: true });
});

async function start(env: Record<string, string> = {}): Promise<TestService> {
  service = await startTestService(exampleService(), {
    OIDC_ISSUER: issuer.document.issuer,
    OIDC_AUDIENCE: AUDIENCE,
    OIDC_SUBJECTS: SUBJECT,
    ...env,
  });
  return service;
}

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const sign = (): Promise<string> => issuer.sign({ sub: SUBJECT, aud: [AUDIENCE] });

async function send(token: string): Promise<Answer> {
  return call(service?.service.url ?? '', 'POST', '/events', {
    body: asked.example,
    headers: {
      'ce-specversion': '1.0',
      'ce-id': crypto.randomUUID(),
      'ce-source': asked.source,
      'ce-type': asked.type,
      authorization: `Bearer ${token}`,
    },
  });
}

const statusOf = async (token: string | Promise<string>): Promise<number> => (await send(await token)).status;
const readings = (): number => issuer.asked.filter(({ path }) => path === KEYS).length;
/** Longer than the issuer is left in peace after it was asked. */
const coolDown = async (): Promise<void> => service?.advance(2001);

describe('keys of the issuer', () => {
  it('are read once for many tokens, and before the first one', async () => {
    await start();
    await until('the keys were read', () => readings() === 1);
    const tokens = await Promise.all(Array.from({ length: 20 }, sign));
    expect(new Set(await Promise.all(tokens.map(statusOf)))).toEqual(new Set([204]));
    expect(readings()).toBe(1);
  });

  it('may be replaced without a restart', async () => {
    await start();
    const before = await sign();
    expect(await statusOf(before)).toBe(204);
    await issuer.rotate({ keep: true });
    await coolDown();
    expect(await statusOf(sign())).toBe(204);
    expect(await statusOf(before)).toBe(204);
    expect(readings()).toBe(2);
  });

  it('are forgotten when the issuer has withdrawn them', async () => {
    await start();
    const before = await issuer.sign({ sub: SUBJECT, aud: AUDIENCE, exp: Date.UTC(2200) / 1000 });
    expect(await statusOf(before)).toBe(204);
    await issuer.rotate();
    expect(await statusOf(before)).toBe(204);
    await until('the token is refused', async () => {
      await service?.advance(301_000);
      return (await statusOf(before)) === 401;
    });
  });

  it('are not asked for by every token that names another: such a token is to come again', async () => {
    await using stranger = await TestIssuer.open();
    const strange = await stranger.sign({ iss: issuer.url, sub: SUBJECT, aud: [AUDIENCE] });
    await start();
    await until('the keys were read', () => readings() === 1);
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(strange)));
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(readings()).toBe(1);
    await coolDown();
    expect(await statusOf(strange)).toBe(401);
    expect(readings()).toBe(2);
    expect(await statusOf(sign())).toBe(204);
  });
});

describe('while the issuer is away', () => {
  it('a service starts and answers 503, never 401, until it is there', async () => {
    await issuer.leave();
    await start();
    const token = await sign();
    const answer = await send(token);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(JSON.stringify(answer.body)).not.toContain(token);
    expect(await statusOf('no-token')).toBe(401);
    await coolDown();
    expect(await statusOf(token)).toBe(503);
    await issuer.comeBack();
    await coolDown();
    expect(await statusOf(token)).toBe(204);
  });

  it('what was read stays good, for hours, and only other keys have to wait', async () => {
    await start();
    expect(await statusOf(sign())).toBe(204);
    await issuer.leave();
    for (let round = 0; round < 5; round += 1) {
      await service?.advance(600_000);
      expect(await statusOf(sign())).toBe(204);
    }
    await issuer.rotate();
    const other = await sign();
    await coolDown();
    expect(await statusOf(other)).toBe(503);
    await issuer.comeBack();
    await coolDown();
    expect(await statusOf(other)).toBe(204);
  });

  it('a delivery whose sender gives up holds nothing up', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    issuer.held = held;
    const { service: running } = await start({ MAX_EVENTS_IN_FLIGHT: '1' });
    await until('the issuer is asked', () => issuer.asked.length > 0);
    const connection = await connectTo(running.url);
    const length = 'content-length: 50';
    connection.send(
      `POST /events HTTP/1.1\r\nhost: x\r\n${length}\r\nauthorization: Bearer ${await sign()}\r\n\r\n`,
    );
    await until('it is at work', async () => (await statusOf(sign())) === 503);
    connection.socket.destroy();
    release();
    await until('there is room again', async () => (await statusOf(sign())) === 204);
  });
});

describe('an issuer', () => {
  it('that wants a token to tell its keys gets the one in the file, read anew each time', async () => {
    issuer.readerToken = 'reader-1';
    const path = await file('token', 'reader-1\n');
    await start({ OIDC_TOKEN_FILE: path });
    expect(await statusOf(sign())).toBe(204);
    issuer.readerToken = 'reader-2';
    await writeFile(path, 'reader-2\n');
    await issuer.rotate();
    await coolDown();
    await until('the new token is shown', async () => {
      await coolDown();
      return (await statusOf(sign())) === 204;
    });
  });

  it('is no reason to refuse events while its keys may not be read', async () => {
    issuer.readerToken = 'reader';
    await start();
    expect(await statusOf(sign())).toBe(503);
  });

  it('may be asked elsewhere, and then for its keys too, wherever it says they are', async () => {
    await using node = await TestIssuer.open();
    issuer.document = { issuer: 'https://cluster.example', jwks_uri: `${node.url}/node/keys` };
    const path = await file('token', 'reader');
    await start({ OIDC_DISCOVERY_URL: `${issuer.url}/`, OIDC_TOKEN_FILE: path });
    expect(await statusOf(sign())).toBe(204);
    expect(node.asked).toEqual([]);
    expect(issuer.asked.map((each) => each.path)).toEqual(['/.well-known/openid-configuration', KEYS]);
    expect(new Set(issuer.asked.map((each) => each.authorization))).toEqual(new Set(['Bearer reader']));
  });

  it('is believed over TLS when its authority is the one in the file, and only then', async () => {
    const tls = await makeCertificate();
    await issuer.leave();
    issuer = await TestIssuer.open(tls);
    await start({ OIDC_CA_FILE: await file('ca.crt', tls.ca) });
    expect(await statusOf(sign())).toBe(204);
    await service?.restart({ OIDC_CA_FILE: await file('other.crt', (await makeCertificate()).ca) });
    expect(await statusOf(sign())).toBe(503);
    await service?.restart({ OIDC_CA_FILE: '' });
    expect(await statusOf(sign())).toBe(503);
  });
});

const read = (changes: Partial<Parameters<typeof readKeys>[0]> = {}) =>
  readKeys({
    issuer: issuer.url,
    discoveryUrl: issuer.url,
    caFile: undefined,
    tokenFile: undefined,
    closing: new AbortController().signal,
    ...changes,
  });

describe('the reading of keys', () => {
  it('gives what the issuer has published', async () => {
    expect(await read()).toEqual({ keys: issuer.published });
  });

  it('says that another issuer was found', async () => {
    await expect(read({ issuer: 'https://other.example' })).rejects.toThrow(
      `OIDC_ISSUER is "https://other.example", but ${issuer.url} speaks for "${issuer.url}"`,
    );
  });

  it('says that a token is missing', async () => {
    issuer.readerToken = 'reader';
    await expect(read({ tokenFile: join(folder, 'nothing') })).rejects.toThrow(
      `${issuer.url}${KEYS} answers 403: OIDC_TOKEN_FILE must name a file with a token that may read it`,
    );
  });

  it('says what is wrong with an answer', async () => {
    issuer.document.jwks_uri = 'nowhere';
    await expect(read()).rejects.toThrow('openid-configuration answers something else: jwks_uri');
    issuer.document.jwks_uri = `${issuer.url}/.well-known/openid-configuration`;
    await expect(read()).rejects.toThrow('openid-configuration answers something else: keys');
    issuer.document.jwks_uri = `${issuer.url}/nothing`;
    await expect(read()).rejects.toThrow('/nothing answers 404');
    issuer.document.jwks_uri = `${issuer.url}${KEYS}`;
    issuer.published = [];
    await expect(read()).rejects.toThrow('jwks answers something else: keys');
  });

  it('names the file of certificates that is not there', async () => {
    await expect(read({ caFile: join(folder, 'ca.crt') })).rejects.toThrow('ca.crt');
  });

  it('ends when the service shuts down', async () => {
    issuer.held = new Promise(() => undefined);
    const closing = new AbortController();
    const reading = read({ closing: closing.signal });
    await until('the issuer is asked', () => issuer.asked.length > 0);
    closing.abort(new Error('shutting down'));
    await expect(reading).rejects.toThrow('shutting down');
  });
});

describe('the settings', () => {
  const all = { OIDC_ISSUER: 'https://issuer.example', OIDC_AUDIENCE: AUDIENCE, OIDC_SUBJECTS: SUBJECT };

  it.each(Object.keys(all))('without %s say that it goes with the others', async (name) => {
    await expect(start({ ...all, [name]: '' })).rejects.toThrow(
      'OIDC_ISSUER, OIDC_AUDIENCE and OIDC_SUBJECTS: must all be set, or none of them',
    );
  });

  it.each([
    ['OIDC_ISSUER', 'kubernetes'],
    ['OIDC_SUBJECTS', ' , '],
    ['OIDC_SUBJECTS', 'system:serviceaccount:*:trigger'],
    ['OIDC_SUBJECTS', `${SUBJECT},**`],
    ['OIDC_DISCOVERY_URL', 'kubernetes.default.svc'],
    ['K_CA_CERTS', 'no certificate'],
  ])('refuse %s as "%s"', async (name, value) => {
    await expect(start({ ...all, [name]: value })).rejects.toThrow(`${name}: must be`);
  });
});
