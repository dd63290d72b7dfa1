import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { runTool } from '../../scripts/tools/kubernetes.ts';
import { payment } from '../../services/payment/service.ts';
import { readSources } from '../architecture/sources.ts';
import { root } from '../support/root.ts';
import { startTestService } from '../support/service.ts';
import { chart, find, ofKind, render } from '../support/render.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
}

const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const alerts = parse(text('charts/tradewind/files/alerts.yaml')) as Alert[];
const dashboard = text('charts/tradewind/files/dashboard.json');

async function notes(...args: string[]): Promise<string> {
  const said = await runTool('helm', ['install', 'shop', chart, '-n', 'eu', '--dry-run=client', ...args]);
  return said.slice(said.indexOf('NOTES:'));
}

describe('the notes', () => {
  it('name objects that are there, and warn of memory and SQLite', async () => {
    const said = await notes();
    const objects = await render({ namespace: 'eu' });
    const service = /service\/(\S+) 8080:8080/.exec(said)?.[1] ?? '';
    expect(find(objects, 'Service', service)['spec'].ports).toContainEqual({
      name: 'http',
      port: 8080,
      targetPort: 'http',
    });
    const [, selector] = /--selector ([^=\s]+=shop)\n/.exec(said) ?? [];
    expect(selector).toBe('app.kubernetes.io/instance=shop');
    expect(said).toContain('helm test shop --namespace eu --logs');
    expect(said).toMatch(/WARNING: by default this Broker class keeps events in memory[^]*WARNING: SQLite/);
  });

  it.each(['ci/kafka-values.yaml', 'values-prod.yaml'])('warn of nothing in production: %s', async (file) => {
    expect(await notes('--values', join(chart, file))).not.toContain('WARNING');
  });

  it('say that the test pays where payments go to a real gateway, and only there', async () => {
    expect(await notes('--values', join(chart, 'ci/kafka-values.yaml'))).toContain('Payments go to stripe');
    expect(await notes()).not.toContain('Payments go to');
  });

  it('say where customers find it behind a Gateway', async () => {
    expect(await notes('--values', join(chart, 'ci/secure-values.yaml'))).toMatch(
      /behind the Gateway's listeners, at:\n {2}\S+\/api\/products\n/,
    );
  });

  it('give somebody else’s Broker the delivery of the wiring, and this ledger', async () => {
    const said = await notes('--set', 'broker.create=false,broker.name=theirs');
    const [, patch = ''] =
      /kubectl patch broker --namespace eu theirs --type merge --patch '(.*)'/.exec(said) ?? [];
    const { spec } = find(await render(), 'Broker', 'shop');
    expect(JSON.parse(patch)).toEqual({ spec: { delivery: spec.delivery } });
  });

  it('say where customers find the shop, and no address that is not there', async () => {
    expect(await notes('--values', join(chart, 'ci/kafka-values.yaml'))).toContain(
      'Customers find it at:\n  https://shop.example.com/api/products\n',
    );
    const said = await notes('--set', 'services.storefront.enabled=false');
    expect(said).not.toMatch(/storefront|helm test/);
  });

  it.each([
    [
      'networkPolicy.enabled=false',
      /WARNING: networkPolicy\.enabled is false and security\.eventing is none/,
    ],
    ['image.tag=latest', /WARNING: the tag "latest"/],
  ])('warn of %s', async (setting, warning) => {
    expect(await notes('--set', setting)).toMatch(warning);
  });

  it('count the connections to PostgreSQL, in the midst of a rollout', async () => {
    const postgres = ['--set', 'storage.kind=postgres,storage.postgres.existingSecret=databases'];
    expect(await notes(...postgres)).toContain('open up to 132 connections');
    const more = 'defaults.replicas=2,services.ledger.settings.DATABASE_POOL_SIZE=4';
    expect(await notes(...postgres, '--set', more)).toContain('open up to 180 connections');
    expect(await notes()).not.toContain('connections to PostgreSQL');
  });

  it('warn of monitors that a Prometheus may pass over', async () => {
    const watched = ['--set', 'monitoring.rules.enabled=true'];
    expect(await notes(...watched)).toContain('the PrometheusRule has no label');
    const labelled = [...watched, '--set', 'monitoring.rules.labels.release=monitoring'];
    expect(await notes(...labelled)).not.toContain('has no label');
  });

  it('say what Knative has to know for OIDC', async () => {
    expect(await notes('--set', 'security.eventing=oidc')).toContain('"authentication-oidc":"enabled"');
  });
});

describe('alerts and dashboard', () => {
  const sources = readSources('platform', 'services').map((source) => source.text);
  const asked = [...`${JSON.stringify(alerts)}${dashboard}`.matchAll(/tradewind_[a-z_]+/g)].map(
    ([name]) => name,
  );

  it.each([...new Set(asked)])('%s is a metric of the shop', (name) => {
    const metric = name.replace(/_bucket$/, '');
    expect(sources.some((source) => source.includes(metric))).toBe(true);
  });

  it.each(alerts.map(({ alert }) => alert))('%s has its part in the runbook', (alert) => {
    expect(text('docs/operations.md')).toContain(`\n### ${alert}\n`);
  });

  it('show every metric of the ledger', () => {
    const metrics = [...text('services/ledger/service.ts').matchAll(/tradewind_[a-z_]+/g)];
    expect(metrics.filter(([name]) => !dashboard.includes(name))).toEqual([]);
  });

  it('look at this release alone, and link to the runbook', async () => {
    const objects = await render({
      values: { monitoring: { rules: { enabled: true, runbook: 'https://example.com/run' } } },
    });
    const [{ rules }] = find(objects, 'PrometheusRule', 'shop-rules')['spec'].groups;
    expect(rules).toHaveLength(alerts.length);
    for (const { expr, annotations } of rules) {
      expect(expr).not.toContain('SHOP');
      expect(expr).toContain('{namespace="market", app_kubernetes_io_instance="shop"');
      expect(annotations.runbook_url).toMatch(/^https:\/\/example\.com\/run#tradewind[a-z]+$/);
    }
  });

  it('say of a service without any Pod that it is down', async () => {
    const monitoring = { rules: { enabled: true }, serviceMonitor: { enabled: true } };
    const services = { payment: { enabled: false }, shipping: { replicas: 0 } };
    const objects = await render({ values: { monitoring, services, networkPolicy: { enabled: false } } });
    const [{ rules }] = find(objects, 'PrometheusRule', 'shop-rules')['spec'].groups;
    const [{ expr }] = rules.filter(({ alert }: { alert: string }) => alert === 'TradewindServiceDown');
    const absent = [...expr.matchAll(/ or absent\(up\{[^}]+, service="(shop-\w+)"\}\)/g)];
    expect(absent.map(([, name]) => name)).toEqual(['shop-inventory', 'shop-ledger', 'shop-storefront']);
  });

  it('say nothing of what cannot be known: services that others watch, a ledger that there is not', async () => {
    const values = {
      monitoring: { rules: { enabled: true } },
      services: { ledger: { enabled: false } },
      broker: { deadLetterSink: { uri: 'https://dead-letters.example.com/' } },
    };
    const [{ rules }] = find(await render({ values }), 'PrometheusRule', 'shop-rules')['spec'].groups;
    expect(JSON.stringify(rules)).not.toMatch(/absent|EACH|TradewindLedgerSilent/);
  });

  it('read the metrics of every Service of the release', async () => {
    const objects = await render({
      values: { monitoring: { serviceMonitor: { enabled: true } }, networkPolicy: { enabled: false } },
    });
    const { selector, endpoints, targetLabels } = find(objects, 'ServiceMonitor', 'shop-monitor')['spec'];
    for (const { metadata, spec } of ofKind(objects, 'Service')) {
      expect(metadata.labels).toMatchObject(selector.matchLabels);
      expect(spec.ports.map(({ name }: { name: string }) => name)).toContain(endpoints[0].port);
    }
    expect(targetLabels).toEqual(['app.kubernetes.io/instance']);
  });

  it('come to Grafana as they are in the chart', async () => {
    const objects = await render({ values: { monitoring: { dashboard: { enabled: true } } } });
    const { metadata, data } = find(objects, 'ConfigMap', 'shop-dashboard') as unknown as {
      metadata: { labels: object };
      data: Record<string, string>;
    };
    expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
    expect(JSON.parse(data['shop.json'] ?? '')).toEqual(JSON.parse(dashboard));
  });
});

describe('the page about operations', () => {
  const page = text('docs/operations.md');
  const blocks = (language: string): string[] =>
    [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
      ([, block = '']) => block,
    );

  it.each(blocks('yaml'))('has values that the chart takes: %#', async (values) => {
    await expect(render({ values: parse(values) as object })).resolves.not.toEqual([]);
  });

  it('names objects and values that there are', async () => {
    const objects = await render({ namespace: 'shop' });
    for (const [, name = ''] of page.matchAll(/deployment\/([$\w-]+)/g))
      find(objects, 'Deployment', name.replace('$SHOP', 'shop'));
    const commands = blocks('sh').join('').replaceAll('\\\n', '');
    const settings = [...commands.matchAll(/--set (\S+)=(\S+)/g)];
    expect(settings.length).toBeGreaterThan(0);
    for (const [, path = '', value = ''] of settings) {
      const values = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
      await render({ values: values as object });
    }
  });

  it('has a backup that is whole while the service writes', async () => {
    const [, program = ''] = /node -e '([^']+)'/.exec(page) ?? [];
    await using service = await startTestService(payment);
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-backup-'));
    const copy = join(folder, 'backup.sqlite');
    const local = program.replace('/data', service.data.dataDir).replace('/tmp/backup.sqlite', copy);
    await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', local]);
    const store = new DatabaseSync(copy);
    expect(store.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
    expect(store.prepare("select name from sqlite_schema where name = 'outbox'").all()).toHaveLength(1);
    store.close();
    rmSync(folder, { recursive: true });
  });
});

describe('scaling', () => {
  it('by lag watches the consumer group of each Trigger of the service', async () => {
    const objects = await render({ files: [join(chart, 'ci/kafka-values.yaml')] });
    const triggers = ofKind(objects, 'Trigger').filter(
      ({ spec }) => spec.subscriber.ref.name === 'shop-payment',
    );
    const scaled = find(objects, 'ScaledObject', 'shop-payment')['spec'];
    expect(scaled.advanced.horizontalPodAutoscalerConfig.name).toBe('shop-payment');
    expect(scaled.triggers.map(({ metadata }: { metadata: object }) => metadata)).toEqual(
      triggers.map(({ metadata: { name } }) => ({
        bootstrapServers: 'kafka-bootstrap.kafka:9092',
        topic: 'knative-broker-market-shop',
        consumerGroup: `knative-trigger-market-${name}`,
        lagThreshold: '100',
      })),
    );
  });

  it('by lag knows a topic of somebody else’s, and the protocol that a new Kafka speaks', async () => {
    const objects = await render({
      files: [join(chart, 'ci/kafka-values.yaml')],
      values: {
        broker: { annotations: { 'kafka.eventing.knative.dev/external.topic': 'orders' } },
        keda: { version: '2.6.0' },
      },
    });
    const [{ metadata }] = find(objects, 'ScaledObject', 'shop-payment')['spec'].triggers;
    expect(metadata).toMatchObject({ topic: 'orders', version: '2.6.0' });
  });

  it('by processor time looks at the service alone, not at what runs beside it', async () => {
    const storage = { kind: 'postgres', postgres: { existingSecret: 'databases' } };
    const objects = await render({ values: { storage, defaults: { autoscaling: { kind: 'hpa' } } } });
    const [metric] = find(objects, 'HorizontalPodAutoscaler', 'shop-payment')['spec'].metrics;
    const [container] = find(objects, 'Deployment', 'shop-payment')['spec'].template.spec.containers;
    expect(metric.containerResource).toMatchObject({ name: 'cpu', container: container.name });
  });

  it('leaves the number of replicas to whoever scales, and protects what has several', async () => {
    const objects = await render({ files: [join(chart, 'ci/kafka-values.yaml')] });
    const replicas = ofKind(objects, 'Deployment').map(({ metadata, spec }) => [
      metadata.name,
      spec.replicas,
    ]);
    expect(Object.fromEntries(replicas)).toEqual({
      'shop-inventory': 2,
      'shop-ledger': 1,
      'shop-payment': undefined,
      'shop-shipping': 2,
      'shop-storefront': undefined,
    });
    const budgets = ofKind(objects, 'PodDisruptionBudget').map(({ metadata, spec }) => [
      metadata.name,
      spec.minAvailable ?? null,
      spec.maxUnavailable ?? null,
    ]);
    expect(budgets).toEqual([
      ['shop-inventory', null, 1],
      ['shop-payment', null, 1],
      ['shop-shipping', null, 1],
      ['shop-storefront', 2, null],
    ]);
  });
});
