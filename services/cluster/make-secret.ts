import { randomBytes } from 'node:crypto';
import { environment, readConfig, setting } from '../../platform/config.ts';
import { runUntilStopped } from '../../platform/process.ts';
import { ownCluster } from './api-server.ts';

/**
 * What the chart's Job runs before the first install: makes the Secret with the staff token and the session key. One
 * that is there stays as it is; it is not even read.
 */
await runUntilStopped(async () => {
  const { SECRET_NAME: name } = readConfig({ SECRET_NAME: setting.text() }, environment());
  const { ask, namespace } = ownCluster();
  const { status, body } = await ask(`/api/v1/namespaces/${namespace}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, labels: { 'app.kubernetes.io/part-of': 'tradewind' } },
    stringData: { 'staff-token': random(24), 'session-secret': random(32) },
  });
  const { message = '' } = body as { message?: string };
  if (status === 409) process.stdout.write(`Secret ${name} is there already\n`);
  else if (status < 300) process.stdout.write(`made Secret ${name}\n`);
  else throw new Error(`the API server refuses to make Secret ${name}: ${status} ${message}`);
  return undefined;
});

function random(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}
