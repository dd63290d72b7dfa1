import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a kubeconfig whose one context, `test`, leads to an API server. @returns its path */
export function writeKubeconfig(folder: string, server: string): string {
  const path = join(folder, 'config.json');
  const kubeconfig = {
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'token' } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'market' } }],
    'current-context': 'test',
  };
  writeFileSync(path, JSON.stringify(kubeconfig));
  return path;
}
