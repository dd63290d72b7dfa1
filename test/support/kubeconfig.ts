import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a kubeconfig whose one context leads to an API server. @returns its path */
export function writeKubeconfig(folder: string, server: string, name = 'test'): string {
  const path = join(folder, `${name}.json`);
  const kubeconfig = {
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'token' } }],
    contexts: [{ name, context: { cluster: 'test', user: 'test', namespace: 'market' } }],
    'current-context': name,
  };
  writeFileSync(path, JSON.stringify(kubeconfig));
  return path;
}
