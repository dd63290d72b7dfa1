import { environment, readConfig, setting } from '../../platform/config.ts';

const IDENTITY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What an API server answered. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
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
  return {
    namespace,
    async ask(path, body) {
      const response = await fetch(new URL(path, server), {
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    },
  };
}
