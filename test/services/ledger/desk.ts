import { ledger } from '../../../services/ledger/service.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { startTestService, type Answer, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

/** A ledger with everything around it: the service payment, and a broker that only listens. */
export interface Desk extends AsyncDisposable {
  readonly service: TestService;
  readonly payment: Receiver;
  readonly broker: Receiver;
  /** Calls the API as staff. */
  staff(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Keeps an event, as the Trigger of the ledger brings it. */
  keep(id: string, attributes?: Record<string, string>): Promise<void>;
  /** Keeps several events, one after the other. */
  keepAll(...ids: readonly string[]): Promise<void>;
  /** Brings a dead letter, as a broker does. @returns its number */
  die(id: string, attributes?: Record<string, string>, data?: string): Promise<number>;
  /** Orders a replay. @returns its id */
  replay(wish: object): Promise<string>;
  /** How far a replay is. */
  stateOf(id: string): Promise<Answer['body']>;
  /** Moves the clock until a replay is over. @returns how it ended */
  finish(id: string): Promise<Answer['body']>;
  close(): Promise<void>;
}

/** Replays of kept events to payment. */
export const toPayment = { of: 'events', to: 'payment' };
export const everything = { ...toPayment, select: { all: true } };

const why = { reason: 'payment is mended', by: 'Ada' };

export async function openDesk(env: Record<string, string> = {}): Promise<Desk> {
  const payment = await openReceiver();
  const broker = await openReceiver();
  broker.answer = (_got, response) => void response.writeHead(202).end();
  const service = await startTestService(ledger, {
    K_SINK: `${broker.url}/default/shop`,
    SUBSCRIBERS: `payment=${payment.url}`,
    REDRIVE_HOSTS: '127.0.0.1',
    ...env,
  });
  const staff = (method: string, path: string, body?: unknown): Promise<Answer> =>
    service.call(method, path, { staff: true, ...(body === undefined ? {} : { body }) });
  const post = async (path: string, attributes: Record<string, string>, data: string): Promise<void> => {
    const headers = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]),
    );
    const { status } = await service.call('POST', path, { body: data, headers });
    if (status !== 204) throw new Error(`${path} answered ${status}`);
  };
  const keep: Desk['keep'] = (id, attributes) =>
    post('/events', { ...eventOf(id), ...attributes }, '{"total":4500}');
  const stateOf = async (id: string): Promise<Answer['body']> =>
    (await staff('GET', `/api/replays/${id}`)).body;
  const close = async (): Promise<void> => {
    await service.close();
    await payment[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  };
  return {
    service,
    payment,
    broker,
    staff,
    keep,
    async keepAll(...ids) {
      for (const id of ids) await keep(id);
    },
    async die(id, attributes, data = '{"total":4500}') {
      const error = Buffer.from('{"detail":"lines: is missing"}').toString('base64');
      const reason = {
        knativeerrordest: `${payment.url}/events`,
        knativeerrorcode: '422',
        knativeerrordata: error,
      };
      await post('/dead-letters', { ...eventOf(id), ...reason, ...attributes }, data);
      const row = await service.service.store.read.get<{ seq: number }>(
        'select max(seq) as seq from dead_letters',
      );
      return row?.seq ?? 0;
    },
    async replay(wish) {
      const { status, body } = await staff('POST', '/api/replays', { ...why, ...wish });
      if (status !== 201) throw new Error(`the replay was answered ${status}: ${body.detail}`);
      return body.id;
    },
    stateOf,
    async finish(id) {
      let replay: Answer['body'];
      await until(`replay ${id} is over`, async () => {
        await service.advance(1000);
        replay = await stateOf(id);
        return replay.state === 'done' || replay.state === 'cancelled';
      });
      return replay;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function eventOf(id: string): Record<string, string> {
  return {
    specversion: '1.0',
    id,
    source: '/tradewind/storefront',
    type: 'shop.tradewind.order.placed.v1',
    subject: `TW-${id}`,
    correlationid: `TW-${id}`,
    partitionkey: `customer-of-${id}`,
    dataclassification: 'internal',
  };
}
