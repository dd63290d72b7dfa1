import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';
import { runTool } from '../../scripts/tools/kubernetes.ts';
import { root } from '../support/root.ts';
import { chart, find, ofKind, render, renderText } from '../support/render.ts';

const postgres = { kind: 'postgres', postgres: { existingSecret: 'databases' } };
const web = { hosts: ['shop.example.com'] };

describe('values that contradict each other', () => {
  it.each<[string, object, RegExp]>([
    [
      'replicas on SQLite',
      { services: { payment: { replicas: 2 } } },
      /services\.payment: more than one replica.*postgres/,
    ],
    [
      'an HPA on SQLite',
      { defaults: { autoscaling: { kind: 'hpa' } } },
      /autoscaling, needs storage\.kind postgres/,
    ],
    [
      'PostgreSQL without a Secret',
      { storage: { kind: 'postgres' } },
      /needs storage\.postgres\.existingSecret/,
    ],
    [
      'a budget with both bounds',
      { storage: postgres, defaults: { replicas: 2, podDisruptionBudget: { minAvailable: 1 } } },
      /minAvailable or maxUnavailable, not both/,
    ],
    [
      'KEDA without Kafka',
      { storage: postgres, services: { payment: { autoscaling: { kind: 'keda' } } } },
      /keda needs broker\.class Kafka and keda\.bootstrapServers/,
    ],
    [
      'fewer replicas at most than at least',
      { storage: postgres, defaults: { autoscaling: { kind: 'hpa', minReplicas: 9 } } },
      /minReplicas is above maxReplicas/,
    ],
    ['no secrets at all', { secrets: { create: false } }, /kubectl create secret generic shop-secrets/],
    ['no Broker at all', { broker: { create: false } }, /broker\.name is needed/],
    ['RabbitMQ without its configuration', { broker: { class: 'RabbitMQBroker' } }, /needs broker\.config/],
    [
      'tokens on RabbitMQ',
      {
        broker: {
          class: 'RabbitMQBroker',
          config: { name: 'r', kind: 'K', apiVersion: 'v1', namespace: 'r' },
        },
        security: { eventing: 'oidc' },
      },
      /oidc does not go with broker\.class RabbitMQBroker/,
    ],
    ['no ledger', { services: { ledger: { enabled: false } } }, /broker\.deadLetterSink is needed/],
    [
      'a service that the wiring knows and the values do not',
      { services: { payment: null } },
      /services\.payment is missing/,
    ],
    [
      'an address of the Broker',
      { defaults: { extraEnv: [{ name: 'K_SINK', value: 'x' }] } },
      /K_SINK, which only the SinkBinding may set/,
    ],
    [
      'a setting that follows from others',
      { services: { payment: { settings: { PORT: 1 } } } },
      /PORT, which follows/,
    ],
    [
      'Stripe behind a closed network',
      { services: { payment: { settings: { PAYMENT_GATEWAY: 'stripe' } } } },
      /stripe needs a way out through the NetworkPolicy: egress/,
    ],
    [
      'metrics that nobody may read',
      { monitoring: { serviceMonitor: { enabled: true } } },
      /needs networkPolicy\.metricsFrom/,
    ],
    ['an Ingress without hosts', { ingress: { enabled: true } }, /ingress\.enabled needs ingress\.hosts/],
    [
      'an Ingress that nobody may use',
      { ingress: { enabled: true, ...web } },
      /needs networkPolicy\.webFrom/,
    ],
    [
      'an Ingress for events',
      {
        ingress: { enabled: true, ...web },
        networkPolicy: { enabled: false },
        web: { paths: [{ path: '/', type: 'Prefix' }] },
      },
      /opens \/events or \/metrics to the world/,
    ],
    ['an HTTPRoute without a Gateway', { httpRoute: { enabled: true } }, /needs httpRoute\.parentRefs/],
  ])('are refused in a sentence: %s', async (_what, values, sentence) => {
    await expect(render({ values })).rejects.toThrow(sentence);
  });
});

describe('the schema of the values', () => {
  it.each<[string, object, RegExp]>([
    ['a value that is not there', { borker: {} }, /additional properties 'borker' not allowed/],
    ['a typo within', { broker: { clas: 'Kafka' } }, /'clas' not allowed/],
    ['a typo in the defaults', { defaults: { replica: 1 } }, /'replica' not allowed/],
    ['a typo in a service', { services: { payment: { nodeselector: {} } } }, /'nodeselector' not allowed/],
    ['a class that is none', { broker: { class: 'kafka' } }, /broker\/class/],
    ['a digest that is none', { image: { digest: 'latest' } }, /image\/digest/],
    ['a number as text', { defaults: { replicas: '1' } }, /defaults\/replicas/],
    ['a collector that is no URL', { tracing: { endpoint: 'collector:4318' } }, /tracing\/endpoint/],
    ['a sampler that is none', { tracing: { sampler: 'sometimes' } }, /tracing\/sampler/],
    ['a share above one', { tracing: { ratio: 5 } }, /tracing\/ratio/],
  ])('refuses %s', async (_what, values, fault) => {
    await expect(render({ values })).rejects.toThrow(fault);
  });

  it('lets a chart around this one have globals of its own', async () => {
    await expect(render({ values: { global: { anything: { else: true } } } })).resolves.toBeDefined();
  });

  it('takes a further service as one block, which may be empty', async () => {
    const objects = await render({ values: { services: { notification: {} } } });
    for (const kind of [
      'Deployment',
      'Service',
      'ServiceAccount',
      'SinkBinding',
      'ConfigMap',
      'NetworkPolicy',
    ])
      find(objects, kind, 'shop-notification');
  });
});

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

describe('a cluster', () => {
  const live = 'apiregistration.k8s.io/v1/APIService';
  const knative = [
    'eventing.knative.dev/v1/Broker',
    'eventing.knative.dev/v1/Trigger',
    'eventing.knative.dev/v1beta3/EventType',
    'sources.knative.dev/v1/SinkBinding',
  ];

  it.each(knative)('without %s is told so, with the command that installs it', async (api) => {
    const apis = [live, ...knative.filter((each) => each !== api)];
    await expect(render({ apis })).rejects.toThrow(
      new RegExp(
        `Knative Eventing.* is missing: the cluster has no ${api}\\. Install it: kubectl apply -f https:`,
      ),
    );
  });

  it('with Knative is content', async () => {
    await expect(render({ apis: [live, ...knative] })).resolves.toBeDefined();
  });

  it.each<[string, object, RegExp]>([
    [
      'KEDA',
      {
        broker: { class: 'Kafka' },
        keda: { bootstrapServers: 'k:9092' },
        storage: postgres,
        services: { payment: { autoscaling: { kind: 'keda' } } },
      },
      /KEDA is missing/,
    ],
    [
      'the Prometheus operator',
      { monitoring: { rules: { enabled: true } } },
      /The Prometheus operator is missing/,
    ],
    [
      'the Gateway API',
      { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] }, networkPolicy: { enabled: false } },
      /The Gateway API is missing/,
    ],
  ])('without %s is told so when it is asked for', async (_what, values, sentence) => {
    await expect(render({ values, apis: [live, ...knative] })).rejects.toThrow(sentence);
  });
});

describe('names', () => {
  it.each([
    ['a long release', 'r'.repeat(53), {}],
    ['a long name of one’s own', 'shop', { fullnameOverride: 'n'.repeat(63) }],
    ['an even longer one', 'shop', { fullnameOverride: 'n'.repeat(70) }],
  ])('have 63 characters at most and stay apart: %s', async (_what, release, values) => {
    const objects = await render({ release, values });
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(objects.filter(({ metadata }) => metadata.name.length > 63)).toEqual([]);
    for (const { metadata } of objects)
      for (const value of Object.values(metadata.labels ?? {})) expect(value.length).toBeLessThan(64);
  });

  it('of two releases in one namespace never meet, nor do their Pods', async () => {
    const [one, two] = [await render({ release: 'one' }), await render({ release: 'two' })];
    const names = [...one, ...two].map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    const { spec } = find(one, 'Service', 'one-payment');
    expect(find(two, 'Deployment', 'two-payment')['spec'].template.metadata.labels).not.toMatchObject(
      spec.selector,
    );
  });

  it('of the image: the digest wins over the tag, the global registry over the image’s own', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const image = { registry: 'a.example.com', repository: 'shop/tradewind', tag: '2', digest };
    const objects = await render({ values: { image, global: { imageRegistry: 'b.example.com' } } });
    const [container] = find(objects, 'Deployment', 'shop-payment')['spec'].template.spec.containers;
    expect(container.image).toBe(`b.example.com/shop/tradewind@${digest}`);
  });
});

describe('a packaged chart', () => {
  it('carries the wiring, and renders the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-package-'));
    try {
      const said = await runTool('helm', ['package', chart, '--destination', folder]);
      const from = /saved it to: (\S+)/.exec(said)?.[1] ?? '';
      expect(await renderText({ from })).toBe(await renderText());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['eventing/broker.yaml', '', /has to have one Broker and Triggers/],
    ['eventing/broker.yaml', 'kind: [', /eventing\/broker\.yaml is no YAML/],
    ['eventing/more.yaml', 'kind: Service', /eventing\/more\.yaml has a Service/],
    [
      'eventing/more.yaml',
      triggerText('stranger'),
      /Trigger stranger delivers to nobody, and services\.nobody/,
    ],
  ])('refuses wiring that it cannot use: %s %#', async (file, text, sentence) => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-copy-'));
    try {
      // Not through the link: what is broken here is a copy.
      cpSync(chart, folder, { recursive: true, filter: (path) => basename(path) !== 'eventing' });
      cpSync(join(root, 'k8s'), join(folder, 'eventing'), { recursive: true });
      writeFileSync(join(folder, file), text);
      await expect(render({ from: folder })).rejects.toThrow(sentence);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function triggerText(name: string): string {
  return JSON.stringify({
    kind: 'Trigger',
    metadata: { name },
    spec: { subscriber: { ref: { name: 'nobody' } } },
  });
}

describe('Chart.yaml', () => {
  it('has the version of the shop', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(readFileSync(join(chart, 'Chart.yaml'), 'utf8')).toContain(`appVersion: ${version}\n`);
    const [container] = ofKind(await render(), 'Deployment')[0]?.['spec'].template.spec.containers ?? [];
    expect(container.image).toBe(`tradewind:${version}`);
  });
});
