import { existsSync, readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { environment } from '../../platform/config.ts';

/**
 * The kubeconfig that kubectl would read: of several files in KUBECONFIG the first one to say a thing is right, and one that
 * is missing or empty says nothing. The client's own merging takes the last word, and refuses what is there twice.
 * @throws Error where KUBECONFIG names no file that is there
 */
export function loadKubeconfig(): KubeConfig {
  const merged = new KubeConfig();
  const files = (environment()['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  if (files.length === 0) {
    merged.loadFromDefault();
    return merged;
  }
  const all = files.filter(hasContent).map(loadFrom);
  if (all.length === 0) throw new Error(`KUBECONFIG names no file that is there: ${files.join(delimiter)}`);
  merged.loadFromOptions({
    clusters: firsts(all.flatMap(({ clusters }) => clusters)),
    users: firsts(all.flatMap(({ users }) => users)),
    contexts: firsts(all.flatMap(({ contexts }) => contexts)),
    currentContext: all.find(({ currentContext }) => currentContext)?.currentContext ?? '',
  });
  return merged;
}

function hasContent(file: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8').trim() !== '';
}

function loadFrom(file: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return config;
}

/** Of what is there under one name several times, the first one. */
function firsts<T extends { readonly name: string }>(all: readonly T[]): T[] {
  return all.filter(({ name }, index) => all.findIndex((each) => each.name === name) === index);
}
