import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { askerOf, type ApiServer } from '../../services/cluster/api-server.ts';
import type { KubeObject } from './render.ts';

/** What a cluster is, as far as its API server tells. */
export interface TestCluster {
  /** Kinds by group and version, `eventing.knative.dev/v1`. */
  readonly kinds: Record<string, string[]>;
  readonly objects: KubeObject[];
  /** Paths that whoever asks may not see, and what they may not do, as `create deployments`. */
  readonly forbidden: RegExp[];
  readonly denied: string[];
  /** Answered to everything, instead of what there is. */
  status?: number;
}

/** What a real one says of a path that no API has, as of a group or version that is not installed: no JSON. */
const NO_API: [number, unknown] = [404, '404 page not found\n'];
const NOT_FOUND: [number, unknown] = [
  404,
  { kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 },
];

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>[^/]+)(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<plural>[a-z]+)(?:\/(?<name>.+))?$/;

/** An API server over HTTP that answers for a cluster as Kubernetes does. */
export async function openApiServer(cluster: TestCluster): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const body = request.method === 'POST' ? await json(request) : undefined;
      const [status, content] = respond(cluster, new URL(request.url ?? '/', 'http://here'), body);
      if (typeof content === 'string')
        response.writeHead(status, { 'content-type': 'text/plain' }).end(content);
      else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
    };
    void answer();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

/** Has a cluster looked at over HTTP, as from within it. */
export async function askOf<T>(cluster: TestCluster, how: (ask: ApiServer) => Promise<T>): Promise<T> {
  await using server = await openApiServer(cluster);
  return await how(askerOf(server.url, 'token'));
}

function respond(cluster: TestCluster, { pathname, searchParams }: URL, body: unknown): [number, unknown] {
  if (cluster.status !== undefined) return [cluster.status, { kind: 'Status', message: 'not now' }];
  if (pathname === '/version') return [200, { gitVersion: 'v1.36.0' }];
  if (cluster.forbidden.some((path) => path.test(pathname))) return [403, { message: 'forbidden' }];
  if (body !== undefined) return [201, { status: review(cluster, pathname, body) }];
  return discover(cluster, pathname) ?? find(cluster, pathname, searchParams.get('labelSelector'));
}

function review({ denied }: TestCluster, path: string, body: unknown): object {
  if (path.endsWith('/selfsubjectreviews')) return { userInfo: { username: 'ada@example.com' } };
  const { spec } = body as { spec: { resourceAttributes: { verb: string; resource: string } } };
  const { verb, resource } = spec.resourceAttributes;
  return { allowed: !denied.includes(`${verb} ${resource}`) };
}

function discover({ kinds }: TestCluster, path: string): [number, unknown] | undefined {
  if (path === '/apis') return [200, { groups: groupsOf(Object.keys(kinds)) }];
  const [, group, version] = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (group === undefined) return undefined;
  const versions = Object.keys(kinds).filter((each) => each.startsWith(`${group}/`));
  if (version === undefined)
    return versions.length === 0
      ? NO_API
      : [200, { versions: versions.map((each) => ({ version: each.split('/')[1] })) }];
  const found = kinds[`${group}/${version}`];
  return found ? [200, { resources: found.map(resourceOf) }] : NO_API;
}

function groupsOf(versions: readonly string[]): object[] {
  const names = new Set(versions.map((each) => each.split('/')[0] ?? ''));
  return [...names].map((name) => {
    const own = versions.filter((each) => each.startsWith(`${name}/`));
    return { name, versions: own.map((groupVersion) => ({ groupVersion })) };
  });
}

function resourceOf(kind: string): object {
  return { kind, name: pluralOf(kind), namespaced: true, verbs: ['create', 'delete', 'get', 'list'] };
}

function find({ objects }: TestCluster, path: string, selector: string | null): [number, unknown] {
  const { group, version, namespace, plural, name } = PATH.exec(path)?.groups ?? {};
  const apiVersion = group === undefined ? version : `${group}/${version}`;
  const wanted = (selector?.split(',') ?? []).map((each) => each.split('='));
  const items = objects.filter(
    (each) =>
      each.apiVersion === apiVersion &&
      pluralOf(each.kind) === plural &&
      each.metadata.namespace === namespace &&
      wanted.every(([key = '', value]) => each.metadata.labels?.[key] === value),
  );
  if (name === undefined) return [200, { items }];
  const object = items.find(({ metadata }) => metadata.name === name);
  return object ? [200, object] : NOT_FOUND;
}

function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`.replace(/ys$/, 'ies');
}
