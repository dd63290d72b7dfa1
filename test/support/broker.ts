import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker, type RunningBroker } from '../../platform/broker/broker.ts';
import { brokerSettings } from '../../platform/broker/settings.ts';
import { readConfig } from '../../platform/config.ts';
import { call, type Answer } from './service.ts';
import { STAFF_TOKEN } from './service.ts';

/** A broker on manifests of a test's own. */
export interface TestBroker extends AsyncDisposable {
  readonly broker: RunningBroker;
  readonly dataDir: string;
  /** Posts an event in binary mode. */
  post(attributes: Record<string, string>, data?: unknown): Promise<Answer>;
  deadLetters(): Promise<Answer['body'][]>;
  /** Attempts to deliver so far, whatever came of them. */
  attempts(): Promise<number>;
  /** Stops it and starts it again on the same data. */
  restart(): Promise<void>;
}

/** Manifests of one Broker `shop` with `delivery`, and Triggers by name. */
export function manifests(delivery: string, triggers: Record<string, string>): string {
  const broker = `apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: { name: shop }
spec: { delivery: ${delivery} }`;
  const documents = Object.entries(triggers).map(
    ([name, spec]) => `apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: { name: ${name} }
spec: ${spec}`,
  );
  return [broker, ...documents].join('\n---\n');
}

/** A Trigger's spec for a Service, by filter attributes. */
export function triggerFor(service: string, attributes: Record<string, string> = {}, more = ''): string {
  const subscriber = `{ ref: { apiVersion: v1, kind: Service, name: ${service} }, uri: /events }`;
  return `{ broker: shop, filter: { attributes: ${JSON.stringify(attributes)} }, subscriber: ${subscriber}${more} }`;
}

export async function startTestBroker(
  yaml: string,
  subscribers: Readonly<Record<string, string | undefined>>,
): Promise<TestBroker> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tradewind-broker-'));
  const folder = join(dataDir, 'manifests');
  await mkdir(folder);
  await writeFile(join(folder, 'all.yaml'), yaml);
  const settings = readConfig(brokerSettings, {
    PORT: '0',
    DATA_DIR: dataDir,
    MANIFESTS: folder,
    STAFF_TOKEN,
    LOG_LEVEL: 'silent',
    SHUTDOWN_GRACE: '1s',
  });
  const start = () => startBroker(settings, { resolve: (name) => subscribers[name] });
  let broker = await start();
  return {
    get broker() {
      return broker;
    },
    dataDir,
    post: (attributes, data = { n: 1 }) => postEvent(`${broker.url}/default/shop`, attributes, data),
    async deadLetters() {
      return (await call(broker.url, 'GET', '/api/dead-letters', { staff: true })).body.items;
    },
    async attempts() {
      const { body } = await call(broker.url, 'GET', '/metrics');
      const samples = String(body)
        .split('\n')
        .filter((line) => line.startsWith('tradewind_broker_deliveries_total{'));
      return samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    async restart() {
      await broker.close();
      broker = await start();
    },
    async [Symbol.asyncDispose]() {
      await broker.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Posts an event in binary mode. @param attributes replace the defaults. */
export async function postEvent(
  url: string,
  attributes: Record<string, string>,
  data: unknown,
): Promise<Answer> {
  const event = { specversion: '1.0', id: 'e1', source: '/test', type: 'test.happened.v1', ...attributes };
  const headers = Object.fromEntries(Object.entries(event).map(([name, value]) => [`ce-${name}`, value]));
  const { origin, pathname } = new URL(url);
  return call(origin, 'POST', pathname, { body: data, headers });
}
