import { environment, readConfig, setting } from '../../platform/config.ts';

const IDENTITY = '/var/run/secrets/kubernetes.io/serviceaccount';
const LONGEST_ANSWER_MS = 30_000;

/** What an API server answered. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * What an API server said, read: it answers paths that no API has in plain text (`404 page not found`), and so do the
 * proxies before it.
 */
export function answerOf(status: number, text: string): ApiAnswer {
  try {
    return { status, body: JSON.parse(text) as unknown };
  } catch {
    return { status, body: text };
  }
}

/** Asks an API server: GET, or POST where there is a body. */
export type ApiServer = (path: string, body?: object) => Promise<ApiAnswer>;

/** The API server of the cluster that this Pod runs in, and its namespace. The CA comes by NODE_EXTRA_CA_CERTS. */
export function ownCluster(): { readonly ask: ApiServer; readonly namespace: string } {
  const settings = readConfig(
    {
      NAMESPACE: setting.text(),
      API_TOKEN: setting.secret(1),
      API_SERVER: setting.url().default('https://kubernetes.default.svc'),
    },
    { NAMESPACE_FILE: `${IDENTITY}/namespace`, API_TOKEN_FILE: `${IDENTITY}/token`, ...environment() },
  );
  const { NAMESPACE: namespace, API_TOKEN: token, API_SERVER: server } = settings;
  return { namespace, ask: askerOf(server, token) };
}

/** Asks the API server at a URL, with a token. */
export function askerOf(server: string, token: string): ApiServer {
  return async (path, body) => {
    const response = await fetch(new URL(path, server), {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(LONGEST_ANSWER_MS),
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    return answerOf(response.status, await response.text());
  };
}
