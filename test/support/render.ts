import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { toolPath } from '../../scripts/tools/kubernetes.ts';
import { root } from './root.ts';

export const chart = join(root, 'charts/tradewind');

/** An object of Kubernetes, as rendered. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into objects of every kind
  readonly [field: string]: any;
}

export interface RenderOptions {
  readonly release?: string;
  readonly namespace?: string;
  /** Files of values, by path. */
  readonly files?: readonly string[];
  readonly values?: object;
  /** What the cluster has; without it there is no cluster. */
  readonly apis?: readonly string[];
  /** Its version of Kubernetes; without it the one that Helm is made for. */
  readonly kubernetes?: string;
  readonly from?: string;
}

const run = promisify(execFile);

/** What `helm template` prints. @throws Error with what Helm complained about */
export async function renderText(options: RenderOptions = {}): Promise<string> {
  const {
    release = 'shop',
    namespace = 'market',
    files = [],
    values,
    apis = [],
    from = chart,
    kubernetes,
  } = options;
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-chart-'));
  try {
    const own = join(folder, 'values.yaml');
    if (values) writeFileSync(own, stringify(values));
    const args = ['template', release, from, '--namespace', namespace];
    for (const file of [...files, ...(values ? [own] : [])]) args.push('--values', file);
    if (kubernetes) args.push('--kube-version', kubernetes);
    for (const api of apis) args.push('--api-versions', api);
    const { stdout } = await run(await toolPath('helm'), args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function render(options: RenderOptions = {}): Promise<KubeObject[]> {
  return parseAllDocuments(await renderText(options)).flatMap((document) => {
    // A key that is there twice, which helm template lets pass, is refused by the API server.
    const [fault] = document.errors;
    if (fault) throw fault;
    const object = document.toJS() as KubeObject | null;
    return object ? [object] : [];
  });
}

/**
 * A copy of the chart with other wiring, for `from`.
 * @param wiring the files of `eventing/`, by path; those not named stay as they are, and `undefined` removes one
 */
export function openChartWith(
  wiring: Readonly<Record<string, string | undefined>>,
): { readonly folder: string } & Disposable {
  const parent = mkdtempSync(join(tmpdir(), 'tradewind-chart-'));
  const folder = join(parent, 'tradewind');
  // Not through the link: what is changed here is a copy.
  cpSync(chart, folder, { recursive: true, filter: (path) => basename(path) !== 'eventing' });
  cpSync(join(root, 'k8s'), join(folder, 'eventing'), { recursive: true });
  for (const [name, content] of Object.entries(wiring)) {
    const path = join(folder, 'eventing', name);
    if (content === undefined) rmSync(path);
    else writeFileSync(path, content);
  }
  return { folder, [Symbol.dispose]: () => rmSync(parent, { recursive: true }) };
}

/** A file of one Trigger, for a service that the shop does not have. */
export function triggerFor(service: string): string {
  return stringify({
    apiVersion: 'eventing.knative.dev/v1',
    kind: 'Trigger',
    metadata: { name: `${service}-order-placed` },
    spec: {
      broker: 'shop',
      filter: { attributes: { type: 'shop.tradewind.order.placed.v1' } },
      subscriber: { ref: { apiVersion: 'v1', kind: 'Service', name: service }, uri: '/events' },
    },
  });
}

/** The one object of a kind and name. */
export function find(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
  const found = objects.filter((each) => each.kind === kind && each.metadata.name === name);
  const [object] = found;
  if (!object || found.length > 1) throw new Error(`there are ${found.length} of ${kind} ${name}`);
  return object;
}

export function ofKind(objects: readonly KubeObject[], kind: string): KubeObject[] {
  return objects.filter((each) => each.kind === kind);
}

/** Every Pod that would run: of Deployments, Jobs and tests. */
export function podsOf(objects: readonly KubeObject[]): { name: string; labels: object; spec: PodSpec }[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    const pod = kind === 'Pod' ? { metadata, spec } : spec?.template?.spec ? spec.template : undefined;
    return pod ? [{ name: `${kind} ${metadata.name}`, labels: pod.metadata.labels, spec: pod.spec }] : [];
  });
}

// oxlint-disable-next-line typescript/no-explicit-any -- as above
export type PodSpec = any;
