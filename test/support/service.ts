import { toBinary } from '../../platform/cloudevents.ts';
import type { DataOf, EventContract } from '../../platform/contract.ts';
import { toCloudEvent } from '../../platform/emit.ts';
import { startService, type RunningService } from '../../platform/runtime.ts';
import type { AnyServiceCard } from '../../platform/service.ts';
import { readSettings } from '../../platform/settings.ts';
import { openTestData, type TestData } from './data.ts';
import { openSink, type Sink } from './sink.ts';
import { until } from './until.ts';

export const STAFF_TOKEN = 'staff-token-for-tests';

/** A service as it runs anywhere, with a clock to move and a sink that remembers what it said. */
export interface TestService extends AsyncDisposable {
  readonly service: RunningService;
  readonly sink: Sink;
  readonly data: TestData;
  /** Delivers an event of a contract over HTTP, as a broker does. @returns the status of the answer. */
  deliver<C extends EventContract>(
    contract: C,
    data: DataOf<C>,
    attributes?: Record<string, string>,
  ): Promise<number>;
  /** Calls the service's API; `staff` sends the staff token. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Moves the clock, and waits until nothing is due and everything was sent. */
  advance(ms: number): Promise<void>;
  /** Stops the clock: from now on only `advance` moves it. */
  freeze(): void;
  /** Waits until nothing is due and everything was sent. */
  settle(): Promise<void>;
  /** Stops it without goodbye to its clients and starts it again on the same data. @param changes to its settings */
  restart(changes?: Record<string, string>): Promise<void>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly staff?: boolean;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  readonly body: any;
}

/** Starts a service on a fresh database. @param env its own settings, by variable name. */
export async function startTestService(
  card: AnyServiceCard,
  env: Record<string, string> = {},
): Promise<TestService> {
  const data = await openTestData(card.name);
  const sink = await openSink();
  let offset = 0;
  let frozenAt: number | undefined;
  const start = async (changes: Record<string, string> = {}): Promise<RunningService> => {
    const settings = readSettings(card, {
      PORT: '0',
      HOST: '127.0.0.1',
      ...data.env,
      STAFF_TOKEN,
      K_SINK: sink.url,
      LOG_LEVEL: 'silent',
      ...env,
      ...changes,
    });
    return startService(card, settings, { now: () => new Date((frozenAt ?? Date.now()) + offset) });
  };
  const remove = async (): Promise<void> => {
    await sink.close();
    await data.remove();
  };
  let service = await start().catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const settle = (): Promise<void> => until(`${card.name} is idle`, () => service.idle());
  const close = async (): Promise<void> => {
    await service.close();
    await remove();
  };
  return {
    get service() {
      return service;
    },
    sink,
    data,
    deliver: (contract, data, attributes) => deliver(service.url, contract, data, attributes),
    call: (method, path, options) => call(service.url, method, path, options),
    async advance(ms) {
      offset += ms;
      service.wake();
      await settle();
    },
    freeze: () => void (frozenAt ??= Date.now()),
    settle,
    async restart(changes) {
      await service.close();
      service = await start(changes);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Posts an event in binary mode.
 * @param attributes set or replace attributes; `id` for a duplicate
 * @param more headers that are none of the event's
 */
export async function deliver<C extends EventContract>(
  url: string,
  contract: C,
  data: DataOf<C>,
  attributes: Record<string, string> = {},
  more: Record<string, string> = {},
): Promise<number> {
  const { data: _, ...event } = JSON.parse(JSON.stringify(toCloudEvent(contract, data, {}, new Date()))) as {
    data: unknown;
    [attribute: string]: unknown;
  };
  const { headers, body } = toBinary({
    attributes: { ...(event as Record<string, string>), ...attributes },
    data: Buffer.from(JSON.stringify(data)),
  });
  const response = await fetch(`${url}/events`, {
    method: 'POST',
    headers: { ...headers, ...more },
    body: new Uint8Array(body),
  });
  await response.arrayBuffer();
  return response.status;
}

export async function call(
  url: string,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Answer> {
  const { body, staff, headers } = options;
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(staff ? { authorization: `Bearer ${STAFF_TOKEN}` } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
