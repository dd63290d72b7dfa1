import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { serviceSettings } from '../../platform/settings.ts';
import { readConfig } from '../../platform/config.ts';
import { traceSettings } from '../../platform/trace/settings.ts';
import { root } from '../support/root.ts';
import { chart, find, ofKind, render, type KubeObject } from '../support/render.ts';

const file = join(chart, 'ci/tracing-values.yaml');
const SERVICES = ['storefront', 'payment', 'inventory', 'shipping', 'ledger'];

/** What a service reads of its ConfigMap. */
function settingsOf(objects: readonly KubeObject[], service: string) {
  const { data } = find(objects, 'ConfigMap', `shop-${service}`) as unknown as {
    data: Record<string, string>;
  };
  return readConfig(traceSettings, data);
}

/** The rules of a service's NetworkPolicy that lead to a port. */
function waysTo(objects: readonly KubeObject[], service: string, port: number): unknown[] {
  const { egress } = find(objects, 'NetworkPolicy', `shop-${service}`)['spec'];
  return egress.filter(({ ports }: { ports: { port: number }[] }) =>
    ports.some((each) => each.port === port),
  );
}

describe('traces', () => {
  it('go to the collector of the values, as every service reads its settings', async () => {
    const objects = await render({ files: [file] });
    for (const service of SERVICES)
      expect(settingsOf(objects, service)).toEqual({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.observability:80',
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: 0.05,
        OTEL_RESOURCE_ATTRIBUTES: {
          'deployment.environment.name': 'eu, staging',
          'k8s.namespace.name': 'market',
          'service.namespace': 'shop',
          'team.number': '7',
        },
      });
  });

  it('take the headers for the collector from a Secret, as a file', async () => {
    const objects = await render({ files: [file] });
    for (const { spec } of ofKind(objects, 'Deployment')) {
      const [container] = spec.template.spec.containers;
      const name = 'OTEL_EXPORTER_OTLP_HEADERS';
      expect(container.env).toContainEqual({ name: `${name}_FILE`, value: `/etc/tradewind/${name}` });
      const { sources } = spec.template.spec.volumes.find(
        (volume: { name: string }) => volume.name === 'secrets',
      ).projected;
      expect(sources).toContainEqual({
        secret: { name: 'collector', items: [{ key: 'otlp-headers', path: name }] },
      });
    }
    expect(Object.keys(serviceSettings)).toContain('OTEL_EXPORTER_OTLP_HEADERS');
  });

  it.each([
    [1, '1'],
    [0, '0'],
    [0.25, '0.25'],
    [0.00001, '0.00001'],
  ])('write a share of %d so that it can be read', async (ratio, text) => {
    const objects = await render({ values: { tracing: { endpoint: 'http://collector:4318', ratio } } });
    expect(find(objects, 'ConfigMap', 'shop-payment')['data']['OTEL_TRACES_SAMPLER_ARG']).toBe(text);
    expect(settingsOf(objects, 'payment').OTEL_TRACES_SAMPLER_ARG).toBe(ratio);
  });

  it('are none by default: no setting, no way to a collector', async () => {
    const objects = await render();
    expect(JSON.stringify(objects)).not.toContain('OTEL_');
    for (const service of SERVICES) expect(waysTo(objects, service, 4318)).toEqual([]);
  });

  it('leave a service by its own settings, too, and one may have none', async () => {
    const objects = await render({
      values: {
        tracing: { endpoint: 'http://collector:4318' },
        services: {
          payment: {
            settings: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://own:9318', OTEL_TRACES_SAMPLER: 'always_off' },
          },
          shipping: { settings: { OTEL_EXPORTER_OTLP_ENDPOINT: '' } },
        },
      },
    });
    expect(settingsOf(objects, 'payment')).toMatchObject({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://own:9318',
      OTEL_TRACES_SAMPLER: 'always_off',
    });
    expect([waysTo(objects, 'payment', 9318).length, waysTo(objects, 'payment', 4318).length]).toEqual([
      1, 0,
    ]);
    expect(settingsOf(objects, 'shipping').OTEL_EXPORTER_OTLP_ENDPOINT).toBeUndefined();
    expect(waysTo(objects, 'shipping', 4318)).toEqual([]);
  });
});

describe('the page about traces', () => {
  const page = readFileSync(join(root, 'docs/tracing.md'), 'utf8');

  it('has values that the chart takes, and leads to the collector', async () => {
    const [, text = ''] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? [];
    const objects = await render({ values: parse(text) as object });
    expect(settingsOf(objects, 'payment').OTEL_TRACES_SAMPLER_ARG).toBe(0.1);
    expect(waysTo(objects, 'payment', 4318)).toHaveLength(1);
  });
});

describe('the way to the collector', () => {
  it('is to its Pods and their port, where values name them', async () => {
    const objects = await render({ files: [file] });
    const pods = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'observability' } },
      podSelector: { matchLabels: { 'app.kubernetes.io/name': 'collector' } },
    };
    for (const service of SERVICES)
      expect(waysTo(objects, service, 4318)).toEqual([{ ports: [{ port: 4318 }], to: [pods] }]);
  });

  it.each([
    ['http://collector.observability:4318', 4318],
    ['https://otlp.example.com', 443],
    ['http://otlp.example.com/v1', 80],
    ['http://[fd00::1]:4318', 4318],
  ])('is by default to the port of %s, wherever that is', async (endpoint, port) => {
    const objects = await render({ values: { tracing: { endpoint } } });
    expect(find(objects, 'NetworkPolicy', 'shop-inventory')['spec'].egress).toContainEqual({
      ports: [{ port }],
    });
  });

  it('is into a network, where values name one', async () => {
    const block = { ipBlock: { cidr: '10.1.0.0/16' } };
    const values = { tracing: { endpoint: 'http://10.1.2.3:4318' }, networkPolicy: { otlpTo: [block] } };
    expect(waysTo(await render({ values }), 'payment', 4318)).toEqual([
      { ports: [{ port: 4318 }], to: [block] },
    ]);
  });
});
