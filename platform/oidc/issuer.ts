import { readFile } from 'node:fs/promises';
import type { JSONWebKeySet } from 'jose';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { fieldErrors } from '../errors.ts';
import { TokenFile } from '../token-file.ts';

/** An issuer of tokens, and what it takes to read its keys. */
export interface IssuerOptions {
  /** What its tokens say in `iss`. */
  readonly issuer: string;
  /** Where its discovery document is: the issuer itself, or a Kubernetes API server that speaks for it. */
  readonly discoveryUrl: string;
  /** File with the certificates, in PEM, that are trusted there instead of the public ones. */
  readonly caFile: string | undefined;
  /** File with a bearer token that may read the keys. */
  readonly tokenFile: string | undefined;
  /** Ends the reading when the program shuts down. */
  readonly closing: AbortSignal;
}

/** How it is asked. */
type Asking = NonNullable<Parameters<typeof request>[1]>;

const TIMEOUT_MS = 5000;
const MAX_BYTES = 1024 * 1024;

const discoveryDocument = z.object({ issuer: z.string(), jwks_uri: z.url() });
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

/**
 * Reads the public keys of an issuer. Certificates and token are read anew each time, since both are renewed.
 * @throws Error saying what could not be read and why: no answer, another answer, another issuer.
 */
export async function readKeys(options: IssuerOptions): Promise<JSONWebKeySet> {
  const { issuer, caFile, tokenFile, closing } = options;
  const dispatcher = new Agent({
    connect: caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') },
    maxResponseSize: MAX_BYTES,
  });
  const asking = {
    dispatcher,
    headers: tokenFile === undefined ? {} : new TokenFile(tokenFile).headers(),
    signal: AbortSignal.any([closing, AbortSignal.timeout(TIMEOUT_MS)]),
  };
  try {
    const base = options.discoveryUrl.replace(/\/+$/, '');
    const document = await get(`${base}/.well-known/openid-configuration`, discoveryDocument, asking);
    if (document.issuer !== issuer) {
      throw new Error(`OIDC_ISSUER is "${issuer}", but ${base} speaks for "${document.issuer}"`);
    }
    return await get(keysUrl(document.jwks_uri, base), keySet, asking);
  } finally {
    await dispatcher.destroy();
  }
}

/**
 * Only the origin that was configured is asked: it alone is known to be reachable and may see the token. The `jwks_uri`
 * of a Kubernetes API server names a node's address; it has the same keys at a path that is always the same.
 */
function keysUrl(stated: string, base: string): string {
  return new URL(stated).origin === new URL(base).origin ? stated : `${base}/openid/v1/jwks`;
}

async function get<T>(url: string, schema: z.ZodType<T>, asking: Asking): Promise<T> {
  const { statusCode, body } = await request(url, asking);
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`${url} answers ${statusCode}${REFUSED.has(statusCode) ? HINT : ''}`);
  }
  const result = schema.safeParse(await body.json());
  if (result.success) return result.data;
  const reasons = fieldErrors(result.error.issues).map(({ field, message }) => `${field} ${message}`);
  throw new Error(`${url} answers something else: ${reasons.join('; ')}`);
}

const REFUSED = new Set([401, 403]);
const HINT = ': OIDC_TOKEN_FILE must name a file with a token that may read it';
