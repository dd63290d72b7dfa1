import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { readConfig } from '../../../platform/config.ts';
import { traceSettings } from '../../../platform/trace/settings.ts';
import { openTracing, untraced, type Tracing } from '../../../platform/trace/tracing.ts';
import { startChild } from '../../support/child.ts';
import { openCollector, type Collector } from '../../support/collector.ts';
import { freePortBase } from '../../support/ports.ts';
import { until } from '../../support/until.ts';

const GRACE_MS = 10_000;
const BATCH = 512;
const MAX_WAITING = 2048;

async function record(tracing: Tracing, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1)
    await tracing.span({ name: 'work', kind: 'internal', parent: undefined, attributes: {} }, async () => {});
}

describe('a collector', () => {
  let collector: Collector;
  let lines: string[];
  beforeEach(async () => {
    collector = await openCollector();
    lines = [];
  });
  afterEach(async () => {
    await collector[Symbol.asyncDispose]();
  });

  function open(env: Record<string, string> = {}): Promise<Tracing> {
    const settings = readConfig(traceSettings, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env });
    const log = pino({}, { write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
    return openTracing('example', settings, log);
  }

  it('is told the service, what there is to say of it, and the headers it wants', async () => {
    const tracing = await open({
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging, team=a%20b',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc',
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/otlp/`,
    });
    await record(tracing, 1);
    await tracing.close(GRACE_MS);
    expect(collector.headers).toEqual([
      expect.objectContaining({ path: '/otlp/v1/traces', authorization: 'Bearer abc' }),
    ]);
    expect(collector.spans[0]?.resource).toMatchObject({
      'service.name': 'example',
      'deployment.environment.name': 'staging',
      team: 'a b',
      'telemetry.sdk.language': 'nodejs',
    });
  });

  it.each([
    [{ OTEL_SERVICE_NAME: 'shop-example' }, 'shop-example'],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'service.name=from-attributes' }, 'from-attributes'],
    [{ OTEL_SERVICE_NAME: 'wins', OTEL_RESOURCE_ATTRIBUTES: 'service.name=from-attributes' }, 'wins'],
  ])('hears of %j as %s', async (env, name) => {
    const tracing = await open(env);
    await record(tracing, 1);
    await tracing.close(GRACE_MS);
    expect(collector.spans.map(({ service }) => service)).toEqual([name]);
  });

  it('that refuses is told of once, and once more when it takes traces again', async () => {
    collector.answer = (response) => void response.writeHead(401).end();
    const tracing = await open();
    for (let batch = 1; batch <= 3; batch += 1) {
      await record(tracing, BATCH);
      await until('a batch was refused', () => collector.bodies.length === batch);
    }
    collector.answer = (response) => void response.writeHead(200).end();
    await record(tracing, BATCH);
    await tracing.close(GRACE_MS);
    expect(lines).toEqual([
      expect.stringContaining('does not take traces'),
      'the collector takes traces again',
    ]);
  });

  it('gets no text of boundless length', async () => {
    const tracing = await open();
    const long = 'ü'.repeat(100_000);
    const start = { name: long, kind: 'internal', parent: undefined, attributes: { long } } as const;
    await tracing.span(start, async (span) => span.fail('long', long));
    await tracing.close(GRACE_MS);
    const short = 'ü'.repeat(1024);
    expect(collector.spans).toEqual([
      expect.objectContaining({
        name: short,
        attributes: { long: short, 'error.type': 'long' },
        error: short,
      }),
    ]);
  });

  it('that hangs costs no more than a bounded queue, and a bounded time at the end', async () => {
    collector.answer = () => {};
    const tracing = await open();
    await record(tracing, 10 * MAX_WAITING);
    const before = performance.now();
    await tracing.close(GRACE_MS);
    expect(performance.now() - before).toBeLessThan(GRACE_MS / 2);
    expect(collector.spans).toHaveLength(BATCH + MAX_WAITING);
  });

  it.each([
    ['hangs', async () => collector.url],
    ['is away', async () => `http://127.0.0.1:${await freePortBase(1)}`],
  ])('that %s does not keep a process from ending', async (_what, endpoint) => {
    collector.answer = () => {};
    const dataDir = await mkdtemp(join(tmpdir(), 'tradewind-traces-'));
    const child = await startChild('run-inventory.ts', {
      PORT: '0',
      HOST: '127.0.0.1',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'warn',
      OTEL_EXPORTER_OTLP_ENDPOINT: await endpoint(),
    });
    // Whatever it answers, there is a span to hand over.
    await fetch(`${child.url}/api/stock`);
    const before = performance.now();
    expect(await child.stop()).toBe(0);
    expect(performance.now() - before).toBeLessThan(GRACE_MS / 2);
    await rm(dataDir, { recursive: true, force: true });
  });

  it('that nobody has named leaves everything untraced', async () => {
    expect(await open({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe(untraced);
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'team=%zz'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', 'half'],
  ])('cannot be reached by %s=%s', (name, value) => {
    expect(() => readConfig(traceSettings, { [name]: value })).toThrow(`configuration: ${name}: `);
  });
});
