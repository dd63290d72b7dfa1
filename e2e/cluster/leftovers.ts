import type { ApiServer } from '../../services/cluster/api-server.ts';

interface Group {
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string }[];
}
interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

/**
 * Every object of Knative in a namespace, as `<kind>/<name>`, whatever kinds the cluster has of it. What may not be seen
 * is left out.
 */
export async function knativeObjects(ask: ApiServer, namespace: string): Promise<readonly string[]> {
  const groups = (await get<{ groups: readonly Group[] }>(ask, '/apis'))?.groups ?? [];
  const own = groups.filter(({ name }) => /(?:^|\.)knative\.dev$/.test(name));
  // Kinds of one group may have come in different versions, and one kind in several.
  const versions = own.flatMap((group) => group.versions);
  const found = versions.map(async ({ groupVersion }) => {
    const resources = (await get<{ resources: readonly Resource[] }>(ask, `/apis/${groupVersion}`))
      ?.resources;
    const lists = (resources ?? [])
      .filter(({ name, namespaced, verbs }) => namespaced && !name.includes('/') && verbs.includes('list'))
      .map(async ({ name, kind }) => {
        const path = `/apis/${groupVersion}/namespaces/${namespace}/${name}`;
        const list = await get<{ items: readonly { metadata: { name: string } }[] }>(ask, path);
        return (list?.items ?? []).map(({ metadata }) => `${kind}/${metadata.name}`);
      });
    return (await Promise.all(lists)).flat();
  });
  return [...new Set((await Promise.all(found)).flat())];
}

async function get<T>(ask: ApiServer, path: string): Promise<T | undefined> {
  const { status, body } = await ask(path);
  if (status === 200) return body as T;
  if (status === 403 || status === 404) return undefined;
  throw new Error(`the API server answers ${status} to GET ${path}`);
}
