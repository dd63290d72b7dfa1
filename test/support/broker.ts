import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startBroker, type RunningBroker } from '../../platform/broker/broker.ts';
import { brokerSettings } from '../../platform/broker/settings.ts';
import { environment, readConfig } from '../../platform/config.ts';
import type { Got, Receiver } from './receiver.ts';
import { call, type Answer } from './service.ts';

/** A broker on manifests of a test's own. */
export interface TestBroker extends AsyncDisposable {
  readonly broker: RunningBroker;
  readonly dataDir: string;
  /** Lines of its log so far, from `info` on. */
  readonly log: Record<string, unknown>[];
  /** Posts an event in binary mode. */
  post(attributes: Record<string, string>, data?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Sum of the samples of a metric. */
  metric(name: string): Promise<number>;
  /** Attempts to deliver so far, whatever came of them. */
  attempts(): Promise<number>;
  /** Stops it and starts it again on the same data. */
  restart(): Promise<void>;
}

/** The sink of a Broker or a Trigger for its dead letters, as a field of its `delivery`. */
export const SINK =
  'deadLetterSink: { ref: { apiVersion: v1, kind: Service, name: ledger }, uri: /dead-letters }';

/** Dead letters that a receiver got, whatever it answered. */
export function lettersAt(sink: Receiver): Got[] {
  return sink.got.filter(({ path }) => path === '/dead-letters');
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

/**
 * Starts a broker on a fresh folder.
 * @param subscribers addresses by Service; they are looked up anew each time.
 * @param dataDir a folder with data of an earlier broker
 */
export async function startTestBroker(
  yaml: string,
  subscribers: Readonly<Record<string, string | undefined>>,
  dataDir?: string,
): Promise<TestBroker> {
  const folder =
    dataDir ?? (await mkdtemp(join(environment()['TEST_DATA_DIR'] ?? tmpdir(), 'tradewind-broker-')));
  const manifestFolder = join(folder, 'manifests');
  await mkdir(manifestFolder);
  await writeFile(join(manifestFolder, 'all.yaml'), yaml);
  const settings = readConfig(brokerSettings, {
    PORT: '0',
    DATA_DIR: folder,
    MANIFESTS: manifestFolder,
    SHUTDOWN_GRACE: '1s',
  });
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const start = () => startBroker(settings, { resolve: (name) => subscribers[name], log });
  let broker = await start();
  const metric = async (name: string): Promise<number> => {
    const { body } = await call(broker.url, 'GET', '/metrics');
    const samples = String(body)
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  return {
    get broker() {
      return broker;
    },
    dataDir: folder,
    log: lines,
    post: (attributes, data = { n: 1 }, headers = {}) =>
      postEvent(`${broker.url}/default/shop`, attributes, data, headers),
    metric,
    attempts: () => metric('tradewind_broker_deliveries_total'),
    async restart() {
      await broker.close();
      broker = await start();
    },
    async [Symbol.asyncDispose]() {
      await broker.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Posts an event in binary mode. @param attributes replace the defaults. */
export async function postEvent(
  url: string,
  attributes: Record<string, string>,
  data: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const event = { specversion: '1.0', id: 'e1', source: '/test', type: 'test.happened.v1', ...attributes };
  const context = Object.fromEntries(Object.entries(event).map(([name, value]) => [`ce-${name}`, value]));
  const { origin, pathname } = new URL(url);
  return call(origin, 'POST', pathname, { body: data, headers: { ...headers, ...context } });
}
