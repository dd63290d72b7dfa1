import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openSqlite } from '../../../platform/store/sqlite.ts';
import { manifests, SINK, startTestBroker, triggerFor, type TestBroker } from '../../support/broker.ts';
import { openReceiver, status, type Receiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const SLOW = '{ retry: 5, backoffPolicy: exponential, backoffDelay: PT30S }';

describe('an outage', () => {
  let receiver: Receiver;
  let sink: Receiver;
  let shop: TestBroker;
  beforeEach(async () => {
    [receiver, sink] = await Promise.all([openReceiver(), openReceiver()]);
  });
  afterEach(async () => {
    await shop[Symbol.asyncDispose]();
    await Promise.all([receiver.leave(), sink.leave()]);
  });

  async function start(delivery: string): Promise<void> {
    const yaml = manifests(delivery, { all: triggerFor('alpha') });
    shop = await startTestBroker(yaml, { alpha: receiver.url, ledger: sink.url });
  }

  /** Posts events until it is told to stop. */
  class Stream {
    readonly accepted: string[] = [];
    readonly #done: Promise<void>;
    readonly #stopped = new AbortController();

    constructor() {
      this.#done = this.#run();
    }

    async stop(): Promise<void> {
      this.#stopped.abort();
      await this.#done;
    }

    async #run(): Promise<void> {
      for (let n = 0; !this.#stopped.signal.aborted; n += 1) {
        if ((await shop.post({ id: `s${n}` })).status === 202) this.accepted.push(`s${n}`);
      }
    }
  }

  it('leaves nothing behind when the subscriber comes back into a stream of events', async () => {
    await start(`{ retry: 2, backoffPolicy: linear, backoffDelay: PT0.01S, ${SINK} }`);
    await receiver.leave();
    const stream = new Stream();
    await until('some are dead letters', () => sink.got.length > 20);
    await receiver.comeBack();
    await until('events arrive again', () => receiver.got.length > 100);
    await stream.stop();
    await until('nothing waits', () => shop.broker.idle());
    const arrived = new Set([...receiver.ids(), ...sink.ids()]);
    expect(new Set(stream.accepted).difference(arrived)).toEqual(new Set());
  });

  it('of the sink leaves most of the dead letters where they are: on disk', async () => {
    await start(`{ retry: 0, ${SINK} }`);
    receiver.answer = status(422);
    await sink.leave();
    for (let n = 0; n < 1500; n += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, m) => shop.post({ id: `e${n + m}` })));
    }
    const metric = (): Promise<number> => shop.metric('tradewind_broker_dead_letters');
    await until('all are dead letters', async () => (await metric()) === 1500);
    // Whoever reads one from now on can tell it from those that were read before.
    await using store = openSqlite(join(shop.dataDir, 'broker', 'broker.sqlite'));
    await store.write((tx) => tx.run('update deliveries set error_code = 599'));
    await sink.comeBack();
    await until('nothing waits', () => shop.broker.idle());
    expect(new Set(sink.ids()).size).toBe(1500);
    const early = sink.got.filter(({ headers }) => headers['ce-knativeerrorcode'] === '422');
    expect(early.length).toBeLessThanOrEqual(700);
  });

  it('of one event that breaks its subscriber does not hold up the others', async () => {
    await start(SLOW);
    receiver.answer = (got, response) => {
      if (got.headers['ce-id'] === 'killer') response.destroy();
      else response.writeHead(204).end();
    };
    await shop.post({ id: 'killer' });
    for (let n = 0; n < 20; n += 1) await shop.post({ id: `e${n}` });
    await until('the others have arrived', () => new Set(receiver.ids()).size === 21);
    expect(receiver.ids().filter((id) => id === 'killer').length).toBeLessThanOrEqual(3);
  });

  it('is not seen in one 503 among successes: that event waits as its policy says', async () => {
    await start(SLOW);
    receiver.answer = (got, response) =>
      void response.writeHead(got.headers['ce-id'] === 'busy' ? 503 : 204).end();
    await shop.post({ id: 'busy' });
    for (let n = 0; n < 50; n += 1) await shop.post({ id: `e${n}` });
    await until('the others have arrived', () => new Set(receiver.ids()).size === 51);
    expect(receiver.ids().filter((id) => id === 'busy')).toHaveLength(1);
  });

  it('ends for a hanging subscriber too: what was not answered is made again at the first answer', async () => {
    await start('{ retry: 5, backoffPolicy: exponential, backoffDelay: PT30S, timeout: PT0.1S }');
    receiver.answer = () => undefined;
    for (let n = 0; n < 5; n += 1) await shop.post({ id: `e${n}` });
    await until('five attempts got no answer', async () => (await shop.attempts()) === 5);
    receiver.answer = status(204);
    await shop.post({ id: 'first answer' });
    await until('all have arrived', () => shop.broker.idle());
  });
});
