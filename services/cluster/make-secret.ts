import { randomBytes } from 'node:crypto';
import { environment, readConfig, setting } from '../../platform/config.ts';
import { runUntilStopped } from '../../platform/process.ts';

const IDENTITY = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * What the chart's Job runs before the first install: makes the Secret with the staff token and the session key. One
 * that is there stays as it is; it is not even read. The cluster's CA comes by NODE_EXTRA_CA_CERTS.
 */
await runUntilStopped(async () => {
  const settings = readConfig(
    {
      SECRET_NAME: setting.text(),
      NAMESPACE: setting.text(),
      API_TOKEN: setting.secret(1),
      API_SERVER: setting.url().default('https://kubernetes.default.svc'),
    },
    {
      NAMESPACE_FILE: `${IDENTITY}/namespace`,
      API_TOKEN_FILE: `${IDENTITY}/token`,
      ...environment(),
    },
  );
  const { SECRET_NAME: name, NAMESPACE: namespace, API_TOKEN: token, API_SERVER: server } = settings;
  const response = await fetch(`${server}/api/v1/namespaces/${namespace}/secrets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, labels: { 'app.kubernetes.io/part-of': 'tradewind' } },
      stringData: { 'staff-token': random(24), 'session-secret': random(32) },
    }),
  });
  const { message = '' } = (await response.json()) as { message?: string };
  if (response.status === 409) process.stdout.write(`Secret ${name} is there already\n`);
  else if (response.ok) process.stdout.write(`made Secret ${name}\n`);
  else throw new Error(`the API server refuses to make Secret ${name}: ${response.status} ${message}`);
  return undefined;
});

function random(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
