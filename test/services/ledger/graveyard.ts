import { toBinary } from '../../../platform/cloudevents.ts';
import { ledger } from '../../../services/ledger/service.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { startTestService, type Answer, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

/** A ledger, one subscriber that dead letters name, and a broker; both do as they are told. */
export interface Graveyard extends AsyncDisposable {
  readonly service: TestService;
  /** What the ledger was started with, for another one on the same data. */
  readonly settings: Readonly<Record<string, string>>;
  readonly subscriber: Receiver;
  readonly broker: Receiver;
  /** Brings a dead letter as a broker does. @returns the status of the answer */
  die(id: string, death?: Death): Promise<number>;
  /** Answers of the API, as staff. */
  get(path: string): Promise<Answer>;
  /** The only letter of an event. */
  letter(id: string): Promise<Answer['body']>;
  /** Waits until the letter of an event has a state. */
  becomes(id: string, state: string): Promise<Answer['body']>;
  /** Waits until all these have reached whom they were for, by themselves. */
  arrived(ids: readonly string[]): Promise<void>;
  /** How many deliveries of all letters there are in the books. */
  attempts(): Promise<number>;
}

/** How an event died. */
export interface Death {
  readonly attributes?: Record<string, string>;
  readonly data?: string;
  /** `undefined`: the broker does not say. */
  readonly error?: Partial<Record<'dest' | 'code' | 'answer', string>> | undefined;
  /** The ledger that it is brought to, where there are several. */
  readonly at?: string;
}

/** The first wait before a letter goes again, shorter than that of a shop. */
export const WAIT = 200;
export const TYPE = 'shop.tradewind.order.placed.v1';
const REFUSED_CONNECTION =
  'dispatch error: Post "http://x/events": dial tcp 10.97.3.4:80: connect: connection refused';

export async function openGraveyard(env: Record<string, string> = {}): Promise<Graveyard> {
  const subscriber = await openReceiver();
  const broker = await openReceiver();
  broker.answer = (_got, response) => void response.writeHead(202).end();
  const settings = {
    K_SINK: `${broker.url}/default/shop`,
    REDRIVE_BACKOFF: `${WAIT}ms`,
    REDRIVE_HOSTS: '127.0.0.1',
    ...env,
  };
  const service = await startTestService(ledger, settings);
  const get = (path: string): Promise<Answer> => service.call('GET', path, { staff: true });
  const letter = async (id: string): Promise<Answer['body']> => {
    const rows = await service.service.store.read.all<{ seq: number }>(
      'select seq from dead_letters where id = $1',
      id,
    );
    if (rows.length !== 1) throw new Error(`${rows.length} letters have the event ${id}`);
    return (await get(`/api/dead-letters/${rows[0]?.seq}`)).body;
  };
  return {
    service,
    settings: { ...settings, ...service.data.env },
    subscriber,
    broker,
    async die(id, { attributes, data = '{"total":4500}', at = service.service.url, ...death } = {}) {
      const error = 'error' in death ? death.error : { code: '500', answer: REFUSED_CONNECTION };
      const { headers, body } = toBinary({
        attributes: {
          ...eventOf(id),
          ...(error && errorOf({ dest: `${subscriber.url}/events`, ...error })),
          ...attributes,
        },
        data: Buffer.from(data),
      });
      const url = `${at}/dead-letters`;
      return (await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) })).status;
    },
    get,
    letter,
    async becomes(id, state) {
      let found: Answer['body'];
      await until(`the letter of ${id} is ${state}`, async () => {
        found = await letter(id);
        return found.state === state;
      });
      return found;
    },
    arrived: (ids) =>
      until('all letters have arrived', async () => {
        const letters = await Promise.all(ids.map((id) => letter(id)));
        return letters.every(({ outcome }) => outcome === 'redriven');
      }),
    async attempts() {
      const { read } = service.service.store;
      const row = await read.get<{ made: number }>('select count(*) as made from attempts');
      return row?.made ?? 0;
    },
    async [Symbol.asyncDispose]() {
      await service.close();
      await subscriber[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

function eventOf(id: string): Record<string, string> {
  return {
    specversion: '1.0',
    id,
    source: '/tradewind/storefront',
    type: TYPE,
    subject: 'TW-1',
    datacontenttype: 'application/json',
    correlationid: 'TW-1',
    partitionkey: `customer-of-${id}`,
    dataclassification: 'internal',
    knativearrivaltime: '2026-11-23T10:32:09.342579221Z',
    knativebrokerttl: '255',
  };
}

function errorOf({ dest, code, answer }: NonNullable<Death['error']>): Record<string, string> {
  return {
    ...(dest === undefined ? {} : { knativeerrordest: dest }),
    ...(code === undefined ? {} : { knativeerrorcode: code }),
    ...(answer === undefined ? {} : { knativeerrordata: Buffer.from(answer).toString('base64') }),
  };
}
