import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseEvent } from '../cloudevents.ts';
import { problems } from '../errors.ts';
import { readBody } from '../http/body.ts';
import { asProblem, respondProblem } from '../http/respond.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import { nextTtl, type Acceptance } from './accept.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import { forwardedOf, type RoutedEvent } from '../delivery/forwarded.ts';

export interface IngressOptions {
  readonly store: Store;
  readonly acceptance: Acceptance;
  /** `<namespace>/<name>` of each Broker. */
  readonly brokers: ReadonlySet<string>;
  readonly maxEventBytes: number;
  /** More events than this at once are answered 503. */
  readonly maxInFlight: number;
  /** Bodies at work may have this many bytes together. */
  readonly maxBytesInFlight: number;
  readonly closing: AbortSignal;
  readonly log: Log;
  readonly metrics: BrokerMetrics;
}

const ADDRESS = /^\/([^/?]+)\/([^/?]+)\/?$/;

/**
 * `POST /<namespace>/<broker>`: takes an event in and answers 202, without a body, once it is on disk. The other
 * answers are Knative's (broker-contract, section 1.1), with a problem document that says what to mend.
 */
export class Ingress {
  readonly #options: IngressOptions;
  #inFlight = 0;
  #bytes = 0;

  constructor(options: IngressOptions) {
    this.#options = options;
  }

  /** Answers one request. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('allow', 'POST, OPTIONS');
    const bytes = this.#announced(request);
    this.#inFlight += 1;
    this.#bytes += bytes;
    try {
      await this.#take(request, response);
    } catch (error) {
      respondProblem(response, asProblem(error, this.#options.log));
    } finally {
      this.#inFlight -= 1;
      this.#bytes -= bytes;
      this.#options.metrics.received.inc({
        broker: this.#label(request.url),
        status: String(response.statusCode),
      });
    }
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { maxEventBytes, maxInFlight, maxBytesInFlight, closing, brokers } = this.#options;
    if (request.method === 'OPTIONS') {
      response.writeHead(200, { 'webhook-allowed-origin': '*', 'webhook-allowed-rate': '*' }).end();
      return;
    }
    if (request.method !== 'POST') throw problems.methodNotAllowed(request.method ?? '', ['POST', 'OPTIONS']);
    const broker = brokerOf(request.url ?? '/');
    if (closing.aborted) throw problems.unavailable('the broker is stopping; send the event again');
    if (this.#inFlight > maxInFlight || this.#bytes > maxBytesInFlight) {
      throw problems.unavailable('too many events at once; send it again');
    }
    const event = parseEvent(request.headersDistinct, await readBody(request, maxEventBytes));
    if (!brokers.has(broker)) {
      throw problems.notFound(`there is no Broker "${broker}"; there is ${[...brokers].join(', ')}`);
    }
    await this.#store(broker, { ...event, headers: forwardedOf(request.headers) });
    response.writeHead(202).end();
  }

  async #store(broker: string, event: RoutedEvent): Promise<void> {
    const ttl = nextTtl(event.attributes);
    if (ttl === 0) {
      throw problems.malformed('the event has gone round too often', [
        { field: 'knativebrokerttl', message: 'is used up: two subscribers may answer each other for ever' },
      ]);
    }
    await this.#options.store.write((tx) => this.#options.acceptance.accept(tx, broker, event, ttl));
  }

  /** Bytes that a request may bring: what it says, or as much as one may have. */
  #announced({ headers }: IncomingMessage): number {
    const { maxEventBytes } = this.#options;
    const length = headers['content-length'];
    return length === undefined && headers['transfer-encoding'] === undefined
      ? 0
      : Math.min(Number(length ?? maxEventBytes), maxEventBytes);
  }

  /** Strangers must not be able to fill the metrics. */
  #label(url = ''): string {
    const [, namespace, name] = ADDRESS.exec(url) ?? [];
    const key = `${namespace}/${name}`;
    return this.#options.brokers.has(key) ? key : '';
  }
}

function brokerOf(url: string): string {
  const [path = '/'] = url.split('?', 1);
  if (path === '/') throw problems.notFound('post events to /<namespace>/<broker>');
  const [, namespace, name] = ADDRESS.exec(path) ?? [];
  if (!namespace || !name) throw problems.malformed('post events to /<namespace>/<broker>');
  return `${namespace}/${name}`;
}
