import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { root } from '../support/root.ts';
import { chart, find, render, type KubeObject } from '../support/render.ts';

const postgres = { storage: { kind: 'postgres', postgres: { existingSecret: 'databases' } } };
const kafka = { class: 'Kafka', config: { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', namespace: 'b' } };

/** What an API server, or Knative's webhook, lets nobody change. */
function immutable({ kind, metadata, spec, ...rest }: KubeObject): unknown {
  if (kind === 'Deployment') return spec.selector;
  if (kind === 'Trigger') return spec.broker;
  if (kind === 'Broker') return [metadata.annotations?.['eventing.knative.dev/broker.class'], spec.config];
  if (kind === 'PersistentVolumeClaim') return { ...spec, resources: undefined };
  return kind.endsWith('RoleBinding') ? rest['roleRef'] : undefined;
}

/** Objects that an upgrade to other values could not change. Hooks are made anew. */
async function stuck(before: object, after: object): Promise<string[]> {
  const [old, now] = [await render({ values: before }), await render({ values: after })];
  return now
    .filter((object) => {
      const same = old.find(
        ({ kind, metadata }) => kind === object.kind && metadata.name === object.metadata.name,
      );
      return same && JSON.stringify(immutable(same)) !== JSON.stringify(immutable(object));
    })
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

describe('an upgrade', () => {
  it.each<[string, object, object]>([
    ['another image', {}, { image: { tag: '2' } }],
    ['labels of one’s own', {}, { commonLabels: { a: 'b' }, defaults: { podLabels: { a: 'c' } } }],
    ['PostgreSQL', {}, postgres],
    ['SQLite again', postgres, {}],
    ['a larger volume', {}, { storage: { sqlite: { size: '9Gi' } } }],
    ['replicas and who counts them', postgres, { ...postgres, defaults: { autoscaling: { kind: 'hpa' } } }],
    ['OIDC', {}, { security: { eventing: 'oidc' } }],
    ['OIDC no more', { security: { eventing: 'oidc' } }, {}],
    ['another delivery and dead letter sink', {}, { broker: { deadLetterSink: { uri: 'http://a' } } }],
    ['another prefix, which makes everything anew', {}, { fullnameOverride: 'other' }],
    ['a Secret of one’s own', {}, { secrets: { existingSecret: 'mine' } }],
  ])('can bring %s', async (_what, before, after) => {
    expect(await stuck(before, after)).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['broker.class', { broker: { class: 'Kafka' } }, /^Broker shop$/],
    ['broker.config', { broker: kafka }, /^Broker shop$/],
    ['broker.name', { broker: { name: 'other' } }, /^Trigger shop-/],
    [
      'storage.sqlite.storageClass',
      { storage: { sqlite: { storageClass: 'fast' } } },
      /^PersistentVolumeClaim/,
    ],
    [
      'storage.sqlite.accessModes',
      { storage: { sqlite: { accessModes: ['ReadWriteOncePod'] } } },
      /^Persistent/,
    ],
  ])('cannot bring another %s, which UPGRADING.md says', async (value, after, name) => {
    const objects = await stuck({}, after);
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) expect(object).toMatch(name);
    expect(readFileSync(join(chart, 'UPGRADING.md'), 'utf8')).toContain(`\`${value}\``);
  });
});

describe('Chart.yaml', () => {
  const { version, appVersion, annotations } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as {
    version: string;
    appVersion: string;
    annotations: Record<string, string>;
  };

  it('has the version of the shop, and the image that it runs', async () => {
    const shop = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(appVersion).toBe(shop.version);
    const images = parse(annotations['artifacthub.io/images'] ?? '') as { image: string }[];
    const { spec } = find(await render(), 'Deployment', 'shop-payment');
    expect(images.map(({ image }) => image)).toEqual([spec.template.spec.containers[0].image]);
  });

  it('has a part in UPGRADING.md', () => {
    expect(readFileSync(join(chart, 'UPGRADING.md'), 'utf8')).toContain(`\n## ${version}\n`);
  });

  it('says what has changed in the words that Artifact Hub knows', () => {
    const changes = parse(annotations['artifacthub.io/changes'] ?? '') as {
      kind: string;
      description: string;
    }[];
    const kinds = new Set(['added', 'changed', 'deprecated', 'removed', 'fixed', 'security']);
    expect(changes.length).toBeGreaterThan(0);
    for (const { kind, description } of changes)
      expect([kinds.has(kind), description.length > 10]).toEqual([true, true]);
  });
});
