import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import type { TestCertificate } from './certificates.ts';
import { freePortBase } from './ports.ts';

/** What a token says beside what all say, or instead of it; `undefined` leaves a claim out. */
export type Claims = Readonly<Record<string, unknown>>;

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** An issuer of tokens as a Kubernetes API server is one: it signs, and publishes its keys. */
export class TestIssuer implements AsyncDisposable {
  readonly url: string;
  /** Paths it was asked for, with the token that was shown. */
  readonly asked: { readonly path: string; readonly authorization: string | undefined }[] = [];
  /** What its discovery document says, beside `issuer`. */
  document: { issuer: string; jwks_uri: string };
  /** Token without which nobody reads its keys. */
  readerToken: string | undefined;
  /** Answers wait for this. */
  held: Promise<void> | undefined;
  /** The public keys that it tells of. */
  published: JWK[];
  readonly #port: number;
  readonly #tls: TestCertificate | undefined;
  #server: Server | undefined;
  #signing: SigningKey;

  private constructor(port: number, key: SigningKey, tls: TestCertificate | undefined) {
    this.#port = port;
    this.#tls = tls;
    this.#signing = key;
    this.published = [key.publicJwk];
    this.url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
    this.document = { issuer: this.url, jwks_uri: `${this.url}/openid/v1/jwks` };
  }

  static async open(tls?: TestCertificate): Promise<TestIssuer> {
    const issuer = new TestIssuer(await freePortBase(1), await makeKey(), tls);
    await issuer.comeBack();
    return issuer;
  }

  /** Signs with a new key from now on. The one before is withdrawn, unless it is to be kept. */
  async rotate({ keep = false } = {}): Promise<void> {
    this.#signing = await makeKey();
    this.published = [...(keep ? this.published : []), this.#signing.publicJwk];
  }

  /** Signs a token for an hour. */
  async sign(claims: Claims): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const { kid, privateKey } = this.#signing;
    const payload = {
      iss: this.document.issuer,
      iat: now,
      nbf: now,
      exp: now + 3600,
      jti: randomUUID(),
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);
  }

  async leave(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    this.#server = undefined;
  }

  async comeBack(): Promise<void> {
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#answer(request, response);
    this.#server = this.#tls ? createTlsServer(this.#tls, answer) : createServer(answer);
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  async #answer({ url: path = '', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push({ path, authorization: headers.authorization });
    await this.held;
    const send = (status: number, body?: unknown): void =>
      void response.writeHead(status).end(JSON.stringify(body));
    const mayRead = this.readerToken === undefined || headers.authorization === `Bearer ${this.readerToken}`;
    if (path === '/.well-known/openid-configuration') send(200, this.document);
    else if (path === '/openid/v1/jwks') send(mayRead ? 200 : 403, mayRead ? { keys: this.published } : {});
    else send(404);
  }
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const kid = randomUUID();
  return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } };
}
