import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { routeFor } from '../../../platform/http/route.ts';
import { asked, exampleService, type Emits } from '../../support/example.ts';
import { TestIssuer, type Claims } from '../../support/issuer.ts';
import { call, deliver, startTestService, type Answer, type TestService } from '../../support/service.ts';

const AUDIENCE = 'urn:example:service';
const TRIGGER = 'system:serviceaccount:shop:example-asked-oidc-eventing.knative.dev-trigger';
const SUBJECTS = `${TRIGGER}, system:serviceaccount:shop:example-answer*`;
const right = { sub: TRIGGER, aud: [AUDIENCE] };

/** A door for events beside `/events`, as the one for dead letters is. */
const door = routeFor<Emits, object>()({
  method: 'post',
  path: '/door',
  summary: 'Another door for events',
  auth: 'event',
  responses: { 204: { description: 'taken' } },
  handle: async () => ({ status: 204 }),
});

let issuer: TestIssuer;
let service: TestService;

async function start(env: Record<string, string> = {}): Promise<void> {
  service = await startTestService(exampleService({ routes: [door] }), {
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: AUDIENCE,
    OIDC_SUBJECTS: SUBJECTS,
    ...env,
  });
}

/** Sends an event that is right in every other way. @returns the whole answer */
async function send(authorization?: string, path = '/events'): Promise<Answer> {
  return call(service.service.url, 'POST', path, {
    body: asked.example,
    headers: {
      'ce-specversion': '1.0',
      'ce-id': crypto.randomUUID(),
      'ce-source': asked.source,
      'ce-type': asked.type,
      ...(authorization === undefined ? {} : { authorization }),
    },
  });
}

const statusOf = async (claims: Claims = right): Promise<number> =>
  (await send(`Bearer ${await issuer.sign(claims)}`)).status;

const signed = (claims: Claims) => async () => `Bearer ${await issuer.sign(claims)}`;

beforeEach(async () => {
  issuer = await TestIssuer.open();
});
afterEach(async () => {
  await service.close();
  await issuer.leave();
});

describe('a service that asks who brings events', () => {
  beforeEach(() => start());

  it.each(['/events', '/door'])('takes one at %s from whom it knows', async (path) => {
    const answer = await send(`Bearer ${await issuer.sign(right)}`, path);
    expect(answer).toMatchObject({ status: 204, body: '' });
  });

  it('takes one from who is allowed by the start of the name', async () => {
    expect(await statusOf({ ...right, sub: 'system:serviceaccount:shop:example-answered-by-4f1c' })).toBe(
      204,
    );
  });

  it('takes one of which the token names several audiences', async () => {
    expect(await statusOf({ ...right, aud: ['urn:other', AUDIENCE] })).toBe(204);
  });

  it('lets clocks differ by some seconds', async () => {
    const now = Math.floor(Date.now() / 1000);
    expect(await statusOf({ ...right, exp: now - 2 })).toBe(204);
    expect(await statusOf({ ...right, nbf: now + 3 })).toBe(204);
  });

  const now = Math.floor(Date.now() / 1000);
  const refused: [string, RegExp, () => Promise<string | undefined>][] = [
    ['no token', /audience: urn:example:service/, async () => undefined],
    ['an empty token', /Bearer <token>/, async () => 'Bearer '],
    ['another scheme', /Bearer <token>/, async () => 'Basic YWRhOnNlY3JldA=='],
    ['a token that is none', /Invalid Compact JWS/, async () => 'Bearer nothing'],
    ['three parts that are no token', /not valid/, async () => 'Bearer a.b.c'],
    ['the token of another issuer', /"iss"/, signed({ ...right, iss: 'https://elsewhere.example' })],
    ['a token for another service', /"aud"/, signed({ ...right, aud: ['urn:example:other'] })],
    ['a token for whomever', /"aud"/, signed({ ...right, aud: undefined })],
    ['an expired token', /"exp"/, signed({ ...right, exp: now - 60 })],
    ['a token that never expires', /"exp"/, signed({ ...right, exp: undefined })],
    ['a token that is not valid yet', /"nbf"/, signed({ ...right, nbf: now + 600 })],
    ['a token of nobody', /"sub"/, signed({ ...right, sub: undefined })],
    ['a changed token', /signature/, tampered],
    ['an unsigned token', /"alg" .* not allowed/, unsigned],
    ['a token signed with the public key as a secret', /"alg" .* not allowed/, confused],
    ['a token signed by a stranger', /key/, strange],
  ];

  async function tampered(): Promise<string> {
    const [header, , signature] = (
      await issuer.sign({ ...right, sub: 'system:serviceaccount:shop:thief' })
    ).split('.');
    const [, payload] = (await issuer.sign(right)).split('.');
    return `Bearer ${header}.${payload}.${signature}`;
  }

  async function unsigned(): Promise<string> {
    return `Bearer ${new UnsecuredJWT({ ...right, iss: issuer.url }).setExpirationTime('1h').encode()}`;
  }

  async function confused(): Promise<string> {
    const [jwk = {}] = issuer.published;
    const publicKey = (await importJWK(jwk, 'RS256', { extractable: true })) as CryptoKey;
    const secret = new TextEncoder().encode(await exportSPKI(publicKey));
    const header = { alg: 'HS256', kid: String(jwk.kid) };
    const token = new SignJWT({ ...right, iss: issuer.url })
      .setProtectedHeader(header)
      .setExpirationTime('1h');
    return `Bearer ${await token.sign(secret)}`;
  }

  async function strange(): Promise<string> {
    await using stranger = await TestIssuer.open();
    // What was read a moment ago is not asked for again; then the answer would be 503.
    await service.advance(3000);
    return `Bearer ${await stranger.sign({ ...right, iss: issuer.url })}`;
  }

  it.each(refused)('refuses %s', async (_what, reason, header) => {
    const authorization = await header();
    const token = authorization?.split(' ')[1];
    for (const path of ['/events', '/door']) {
      const answer = await send(authorization, path);
      const text = JSON.stringify(answer.body);
      expect(answer).toMatchObject({
        status: 401,
        body: { status: 401, detail: expect.stringMatching(reason) },
      });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(text.length).toBeLessThan(700);
      if (token) expect(text).not.toContain(token);
      await service.advance(3000);
    }
  });

  it.each([
    ['another Trigger', 'system:serviceaccount:shop:other-oidc-eventing.knative.dev-trigger'],
    ['the same name in another namespace', TRIGGER.replace(':shop:', ':market:')],
    ['a longer name', `${TRIGGER}-2`],
    ['a name a mile long', 'x'.repeat(3000)],
  ])('forbids %s, at every door', async (_what, sub) => {
    const authorization = `Bearer ${await issuer.sign({ ...right, sub })}`;
    for (const path of ['/events', '/door']) {
      const answer = await send(authorization, path);
      expect(answer).toMatchObject({ status: 403, body: { title: 'Not allowed' } });
      expect(JSON.stringify(answer.body).length).toBeLessThan(700);
    }
  });

  it('refuses a token that it knew once it has expired', async () => {
    const authorization = `Bearer ${await issuer.sign(right)}`;
    expect((await send(authorization)).status).toBe(204);
    await service.advance(3_610_000);
    expect((await send(authorization)).status).toBe(401);
  });
});

describe('a service that asks nobody', () => {
  beforeEach(() => start({ OIDC_ISSUER: '', OIDC_AUDIENCE: '', OIDC_SUBJECTS: '' }));

  it.each([undefined, 'Bearer meant.for.mt-broker-filter', 'Basic nothing'])(
    'takes events as it always did, with "authorization: %s"',
    async (authorization) => {
      expect((await send(authorization)).status).toBe(204);
      expect((await send(authorization, '/door')).status).toBe(204);
      expect(await deliver(service.service.url, asked, asked.example)).toBe(204);
      expect(issuer.asked).toEqual([]);
    },
  );
});
