import { vocabulary } from '../../../events/index.ts';
import { toBinary } from '../../../platform/cloudevents.ts';
import type { EventContract } from '../../../platform/contract.ts';
import { toCloudEvent } from '../../../platform/emit.ts';
import { ledger } from '../../../services/ledger/service.ts';
import { startTestService, type Answer, type TestService } from '../../support/service.ts';

/** A ledger, and what brings events to it and asks it. */
export class Archivist implements AsyncDisposable {
  readonly service: TestService;
  #count = 0;

  private constructor(service: TestService) {
    this.service = service;
  }

  /** Its streams never look by themselves: what arrives was rung for. */
  static async open(env: Record<string, string> = {}): Promise<Archivist> {
    return new Archivist(
      await startTestService(ledger, { LEDGER_POLL: '1h', LEDGER_HEARTBEAT: '1h', ...env }),
    );
  }

  get url(): string {
    return this.service.service.url;
  }

  /** Delivers an event in binary mode. @param attributes set or replace the defaults. @returns the status */
  async deliver(
    attributes: Record<string, string> = {},
    data: string | Buffer = '{}',
    path = '/events',
  ): Promise<number> {
    this.#count += 1;
    const { headers, body } = toBinary({
      attributes: {
        specversion: '1.0',
        id: `e${this.#count}`,
        source: '/test',
        type: 'test.happened.v1',
        dataclassification: 'internal',
        datacontenttype: 'application/json',
        ...attributes,
      },
      data: Buffer.from(data),
    });
    const response = await fetch(this.url + path, { method: 'POST', headers, body: new Uint8Array(body) });
    await response.arrayBuffer();
    return response.status;
  }

  /** Keeps an event. @returns its id */
  async keep(attributes: Record<string, string> = {}, data: string | Buffer = '{}'): Promise<string> {
    const status = await this.deliver(attributes, data);
    if (status !== 204) throw new Error(`it was answered ${status}`);
    return attributes['id'] ?? `e${this.#count}`;
  }

  /** Brings an event to where the broker puts what a subscriber refused. */
  async die(attributes: Record<string, string>, code = 422): Promise<void> {
    const data = Buffer.from('{"detail":"orderId is missing"}').toString('base64');
    const end = { knativeerrorcode: String(code), knativeerrordata: data };
    const knativeerrordest = 'http://payment.shop.svc.cluster.local/events';
    const status = await this.deliver({ ...end, knativeerrordest, ...attributes }, '{}', '/dead-letters');
    if (status !== 204) throw new Error(`the dead letter was answered ${status}`);
  }

  /** Asks as staff. */
  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.service.call('GET', path, { staff: true, headers });
  }

  /** Ids of the events that a search finds, the newest first. */
  async ids(query = ''): Promise<string[]> {
    const { status, body } = await this.get(`/api/events${query}`);
    if (status !== 200) throw new Error(`the search was answered ${status}: ${JSON.stringify(body)}`);
    return body.items.map(({ id }: { id: string }) => id);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.service.close();
  }
}

/** A contract's example as it travels. */
export function exampleOf(contract: EventContract): { attributes: Record<string, string>; data: string } {
  const event = JSON.parse(JSON.stringify(toCloudEvent(contract, contract.example, {}, new Date())));
  const { data, ...attributes } = event as Record<string, string>;
  return { attributes, data: JSON.stringify(data) };
}

export const internal = vocabulary.filter(({ classification }) => classification === 'internal');
export const confidential = vocabulary.filter(({ classification }) => classification === 'confidential');
