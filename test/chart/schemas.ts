import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { crdValidators } from '../architecture/crds.ts';
import { root } from '../support/root.ts';
import type { KubeObject } from '../support/render.ts';

const KUBERNETES = 'kubernetes-models';
/** Packages with the schemas of what other projects add to Kubernetes. */
const PACKAGES: Readonly<Record<string, string>> = {
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};
const crds = join(root, '../shared/knative-crds');
const known = existsSync(crds);
if (!known)
  process.stderr.write('SKIPPED: no Knative CRDs at ../shared/knative-crds to hold the chart against\n');
const knative = known ? crdValidators(crds) : undefined;

/** What is wrong with an object by its schema: types, missing fields, and fields that nobody knows. */
export async function faultsOf(object: KubeObject): Promise<string[]> {
  const where = `${object.kind} ${object.metadata.name}`;
  const group = object.apiVersion.includes('/') ? (object.apiVersion.split('/')[0] ?? '') : '';
  if (group.endsWith('knative.dev')) {
    const validate = knative?.get(`${object.apiVersion}/${object.kind}`);
    if (!knative || validate?.(object)) return [];
    return (validate?.errors ?? [{ instancePath: '', message: 'has no schema' }]).map(
      ({ instancePath, message }) => `${where}: ${instancePath} ${message ?? ''}`,
    );
  }
  const path = `${PACKAGES[group] ?? KUBERNETES}/${object.apiVersion}/${object.kind}`;
  const models = (await import(path)) as Record<string, { prototype: { validate(): void } }>;
  const seen = new Map<object, Set<PropertyKey>>();
  try {
    models[object.kind]?.prototype.validate.call(watched(object, seen));
  } catch (error) {
    return [`${where}: ${(error as Error).message}`];
  }
  return unread(object, seen, '').map((field) => `${where}: ${field} is not known`);
}

/** The schemas are compiled and let unknown fields pass: one is known by this, that the validator never looks at it. */
function watched<T extends object>(value: T, seen: Map<object, Set<PropertyKey>>): T {
  return new Proxy(value, {
    get(target, key) {
      const child = Reflect.get(target, key) as unknown;
      seen.set(target, (seen.get(target) ?? new Set()).add(key));
      return typeof child === 'object' && child !== null ? watched(child, seen) : child;
    },
  });
}

function unread(value: unknown, seen: ReadonlyMap<object, Set<PropertyKey>>, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const field = path ? `${path}.${key}` : key;
    return seen.get(value)?.has(key) ? unread(child, seen, field) : [field];
  });
}
