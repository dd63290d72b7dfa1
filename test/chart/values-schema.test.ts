import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isMap, isScalar, parse, parseDocument, stringify, type YAMLMap } from 'yaml';
import { runTool } from '../../scripts/tools/kubernetes.ts';
import { chart, find, ofKind, openChartWith, render, triggerFor } from '../support/render.ts';

describe('the schema of the values', () => {
  it.each<[string, object, RegExp]>([
    ['a value that is not there', { borker: {} }, /additional properties 'borker' not allowed/],
    ['a typo within', { broker: { clas: 'Kafka' } }, /'clas' not allowed/],
    ['a typo in the defaults', { defaults: { replica: 1 } }, /'replica' not allowed/],
    ['a typo in a service', { services: { payment: { nodeselector: {} } } }, /'nodeselector' not allowed/],
    ['a class that is none', { broker: { class: 'kafka' } }, /broker\/class/],
    ['a digest that is none', { image: { digest: 'latest' } }, /image\/digest/],
    ['a collector that is no URL', { tracing: { endpoint: 'collector:4318' } }, /tracing\/endpoint/],
    ['a sampler that is none', { tracing: { sampler: 'sometimes' } }, /tracing\/sampler/],
    ['a share above one', { tracing: { ratio: 5 } }, /tracing\/ratio/],
    [
      'a variable that is no text',
      { defaults: { extraEnv: [{ name: 'A', value: 1 }] } },
      /got number, want string/,
    ],
    ['a service named as another part', { services: { test: {} } }, /invalid propertyName 'test'/],
    [
      'half a reference',
      { broker: { config: { name: 'rabbit' } } },
      /missing properties 'apiVersion', 'kind'/,
    ],
    ['a section that is taken away', { storage: null }, /missing property 'storage'/],
    ['a name that Services cannot have', { fullnameOverride: 'Shop' }, /'Shop' does not match/],
    ['a number as text', { defaults: { replicas: '1' } }, /defaults\/replicas/],
  ])('refuses %s', async (_what, values, fault) => {
    await expect(render({ values })).rejects.toThrow(fault);
  });

  it('lets a chart around this one have globals of its own', async () => {
    await expect(render({ values: { global: { anything: { else: true } } } })).resolves.toBeDefined();
  });

  it('lets a chart around this one switch it off, as its condition', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-around-'));
    try {
      const dependencies = [{ name: 'tradewind', version: '*', condition: 'tradewind.enabled' }];
      writeFileSync(
        join(folder, 'Chart.yaml'),
        stringify({ apiVersion: 'v2', name: 'around', version: '1.0.0', dependencies }),
      );
      await runTool('helm', ['package', chart, '--destination', join(folder, 'charts')]);
      const on = await render({
        from: folder,
        values: { tradewind: { enabled: true }, global: { mine: 1 } },
      });
      expect(ofKind(on, 'Trigger').length).toBeGreaterThan(20);
      const off = await render({ from: folder, values: { tradewind: { enabled: false } } });
      expect(off).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has every value that there is, and no other', () => {
    const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as Schema;
    const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as object;
    const known = namesIn(schema, schema);
    expect(known.length).toBeGreaterThan(100);
    const given = (name: string): boolean => {
      const [last = '', ...path] = name.split('.').toReversed();
      const parent = path.reduceRight(
        (each: object, key) => (each as Record<string, object>)[key] ?? {},
        values,
      );
      return last in parent;
    };
    // The first is for charts around this one; what else Jobs may have of a Pod's is explained with the defaults.
    const hidden = known.filter((name) => !given(name) && name !== 'enabled' && !name.startsWith('jobs.'));
    expect(hidden).toEqual([]);
  });

  it('takes a further service as its Triggers and one block, which may be empty', async () => {
    using copy = openChartWith({ 'triggers/notification.yaml': triggerFor('notification') });
    const objects = await render({ values: { services: { notification: {} } }, from: copy.folder });
    for (const kind of [
      'Deployment',
      'Service',
      'ServiceAccount',
      'SinkBinding',
      'ConfigMap',
      'NetworkPolicy',
    ])
      find(objects, kind, 'shop-notification');
    find(objects, 'Trigger', 'shop-notification-order-placed');
  });
});

interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** A schema with what it refers to. */
function whole(schema: Schema, top: Schema): Schema {
  const [, , kind = ''] = schema.$ref?.split('/') ?? [];
  const base = schema.$ref?.split('/').length === 3 ? (top.$defs?.[kind] ?? {}) : {};
  const properties = Object.entries({ ...base.properties, ...schema.properties }).map(
    ([key, own]): [string, Schema] => [key, { ...base.properties?.[key], ...own }],
  );
  return {
    ...base,
    ...schema,
    ...(properties.length > 0 ? { properties: Object.fromEntries(properties) } : {}),
  };
}

/** Names of the values in a schema, as deep as it says that all have to be there. Helm has seen that those are. */
function namesIn(schema: Schema, top: Schema, path = ''): string[] {
  const { properties, required } = whole(schema, top);
  if (!properties || !required) return [path];
  return Object.entries(properties).flatMap(([key, child]) =>
    namesIn(child, top, path ? `${path}.${key}` : key),
  );
}

describe('every value', () => {
  it('is explained where it stands', () => {
    const unexplained: string[] = [];
    const visit = (map: YAMLMap, path: string): void => {
      map.items.forEach(({ key, value }, index) => {
        if (!isScalar(key)) return;
        const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? '';
        const name = `${path}${String(key.value)}`;
        if (comment.includes('-- ')) return;
        if (isMap(value)) visit(value, `${name}.`);
        else unexplained.push(name);
      });
    };
    visit(parseDocument(readFileSync(join(chart, 'values.yaml'), 'utf8')).contents as YAMLMap, '');
    expect(unexplained).toEqual([]);
  });
});
