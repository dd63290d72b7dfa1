import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { manifests, SINK, startTestBroker, triggerFor, type TestBroker } from '../../support/broker.ts';
import { openReceiver, status, type Receiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const FAST = `{ retry: 2, backoffPolicy: linear, backoffDelay: PT0.01S, ${SINK} }`;
const SLOW = `{ retry: 0, backoffPolicy: exponential, backoffDelay: PT30S, ${SINK} }`;
const KEYS = ['a', 'b', 'c'];

function expectOnceAndInOrder(taken: readonly string[], posted: readonly string[]): void {
  for (const key of KEYS) {
    const ofKey = (ids: readonly string[]): string[] => ids.filter((id) => id.startsWith(key));
    expect(ofKey(taken)).toEqual(ofKey(posted));
  }
  expect(taken).toHaveLength(posted.length);
}

describe('dead letters', () => {
  let receiver: Receiver;
  let sink: Receiver;
  let addresses: Record<string, string>;
  let shop: TestBroker;
  beforeEach(async () => {
    [receiver, sink] = await Promise.all([openReceiver(), openReceiver()]);
    receiver.answer = status(422, 'no such field');
    addresses = { alpha: receiver.url, ledger: sink.url };
  });
  afterEach(async () => {
    await shop[Symbol.asyncDispose]();
    await Promise.all([receiver.leave(), sink.leave()]);
  });

  async function start(delivery: string): Promise<void> {
    shop = await startTestBroker(manifests(delivery, { all: triggerFor('alpha') }), addresses);
  }

  const waiting = (): Promise<number> => shop.metric('tradewind_broker_dead_letters');

  /** Posts events that become dead letters, `each` of every key. */
  async function postAll(each: number): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < each; n += 1) {
      for (const key of KEYS) {
        await shop.post({ id: `${key}${n}`, partitionkey: key });
        ids.push(`${key}${n}`);
      }
    }
    await until('all are dead letters', async () => (await waiting()) === ids.length);
    return ids;
  }

  /** Lets the sink take letters, every other one slowly. @returns ids of those taken so far */
  function takeSlowly(): string[] {
    const taken: string[] = [];
    sink.answer = ({ headers }, response) => {
      const id = String(headers['ce-id']);
      const take = (): void => {
        taken.push(id);
        response.writeHead(204).end();
      };
      if (/[13579]$/.test(id)) take();
      else setTimeout(take, 10);
    };
    return taken;
  }

  it('go to their sink with what failed, where and why', async () => {
    await start(FAST);
    receiver.answer = status(500, 'x'.repeat(2000));
    await shop.post({ extra: 'kept', subject: 'order-1' }, { a: 1 });
    await until('the sink has it', () => shop.broker.idle());
    const [letter] = sink.got;
    expect(receiver.got).toHaveLength(3);
    expect(letter).toMatchObject({ path: '/dead-letters', body: '{"a":1}' });
    expect(letter?.headers).toMatchObject({
      'ce-id': 'e1',
      'ce-extra': 'kept',
      'ce-knativeerrorcode': '500',
      'ce-knativeerrordest': `${receiver.url}/events`,
      'ce-knativeerrordata': Buffer.from('x'.repeat(768)).toString('base64'),
      'ce-knativebrokerttl': '255',
      'kn-namespace': 'default',
    });
    expect(letter?.headers).not.toHaveProperty('prefer');
    expect(await shop.metric('tradewind_broker_dead_letters_total')).toBe(1);
    expect(shop.log.find(({ msg }) => msg === 'dead letter: it goes to its sink')).toMatchObject({
      trigger: 'all',
      eventId: 'e1',
      subject: 'order-1',
      status: 500,
      sink: `${sink.url}/dead-letters`,
    });
  });

  it('tell of their own failure alone, whatever a producer or a reply said of another one', async () => {
    await start(FAST);
    const claimed = { knativeerrordest: 'http://elsewhere.svc/events', knativeerrorcode: '503' };
    const reply = { 'ce-specversion': '1.0', 'ce-id': 'r1', 'ce-source': '/alpha', 'ce-type': 'answered' };
    receiver.answer = ({ headers }, response) =>
      void (
        headers['ce-id'] === 'e1'
          ? response.writeHead(200, { ...reply, 'ce-knativeerrordest': 'http://elsewhere.svc/events' })
          : response.writeHead(422)
      ).end();
    await shop.post({ id: 'e1', ...claimed });
    await shop.post({ id: 'e2', ...claimed });
    await until('the sink has both', () => shop.broker.idle());
    expect(receiver.ids().toSorted()).toEqual(['e1', 'e2', 'r1']);
    for (const { headers } of receiver.got) expect(headers).not.toHaveProperty('ce-knativeerrordest');
    expect(sink.ids().toSorted()).toEqual(['e2', 'r1']);
    for (const { headers } of sink.got) {
      expect(headers).toMatchObject({
        'ce-knativeerrordest': `${receiver.url}/events`,
        'ce-knativeerrorcode': '422',
      });
    }
  });

  it('that their sink refuses come again until it takes them, and hold up their own key alone', async () => {
    await start(FAST);
    let refuses = true;
    sink.answer = ({ headers }, response) =>
      void response.writeHead(refuses && headers['ce-id'] === 'stuck' ? 400 : 204).end();
    await shop.post({ id: 'stuck', partitionkey: 'a' });
    await until('it was refused', () => sink.got.length > 0);
    await shop.post({ id: 'behind', partitionkey: 'a' });
    await shop.post({ id: 'free', partitionkey: 'b' });
    await until('it was refused more often than any other delivery is tried', () => sink.got.length > 8);
    expect(new Set(sink.ids())).toEqual(new Set(['stuck', 'free']));
    expect(await waiting()).toBe(2);
    expect(await shop.broker.idle()).toBe(false);
    // Said once aloud: nobody else would tell of a sink that is set up wrongly.
    const warnings = shop.log.filter(({ level, msg }) => level === 40 && msg === 'delivery failed');
    expect(warnings).toMatchObject([{ trigger: 'all#dead-letters', eventId: 'stuck', status: 400 }]);
    refuses = false;
    await until('nothing waits', () => shop.broker.idle());
    expect(sink.ids().slice(-2)).toEqual(['stuck', 'behind']);
    // They tell of their own failure, not of the sink's.
    expect(sink.got.at(-2)?.headers).toMatchObject({ 'ce-knativeerrorcode': '422' });
  });

  it.each(['is not known yet', 'is away'])(
    'wait for a sink that %s, across a restart, and arrive once, in order per key',
    async (why) => {
      if (why === 'is away') await sink.leave();
      else delete addresses['ledger'];
      await start(SLOW);
      const posted = await postAll(40);
      await shop.restart();
      expect(await waiting()).toBe(posted.length);
      const taken = takeSlowly();
      if (why === 'is away') await sink.comeBack();
      else addresses['ledger'] = sink.url;
      await until('the sink has all', () => shop.broker.idle());
      expectOnceAndInOrder(taken, posted);
    },
  );

  it('wait for a sink that answers 503, are asked for by one at a time, and arrive once it answers otherwise', async () => {
    await start(FAST);
    sink.answer = status(503);
    const posted = await postAll(10);
    await until('the broker asks but twice a second', () => {
      const [before = 0, last = 0] = sink.got.slice(-2).map(({ at }) => at);
      return last - before > 400;
    });
    const back = performance.now();
    const taken = takeSlowly();
    await until('the sink has all', () => shop.broker.idle());
    expect(performance.now() - back).toBeLessThan(2000);
    expectOnceAndInOrder(taken, posted);
  });

  it('reach their sink in whatever order they died', async () => {
    await start(`{ retry: 1, backoffPolicy: linear, backoffDelay: PT0.3S, ${SINK} }`);
    receiver.answer = ({ headers }, response) =>
      void response.writeHead(headers['ce-id'] === 'older' ? 500 : 422).end();
    await shop.post({ id: 'older' });
    await shop.post({ id: 'younger' });
    await until('the sink has both', () => shop.broker.idle());
    expect(sink.ids()).toEqual(['younger', 'older']);
  });

  it('are delivered with any 2xx: what the sink answers beside it is no event of the shop', async () => {
    await start(FAST);
    const reply = { 'ce-specversion': '1.0', 'ce-id': 'r1', 'ce-source': '/sink', 'ce-type': 'taken' };
    sink.answer = (_got, response) =>
      void (sink.got.length === 1 ? response.writeHead(200, reply) : response.writeHead(200)).end('taken');
    await shop.post({ id: 'e1' });
    await shop.post({ id: 'e2' });
    await until('nothing waits', () => shop.broker.idle());
    expect(sink.ids().toSorted()).toEqual(['e1', 'e2']);
    expect(receiver.ids()).not.toContain('r1');
  });

  it('end where there is no sink, as on Knative: logged and counted', async () => {
    await start('{ retry: 0 }');
    await shop.post({ subject: 'order-1', correlationid: 'c1' });
    await until('nothing waits', () => shop.broker.idle());
    expect(await shop.metric('tradewind_broker_lost_total')).toBe(1);
    expect(shop.log.filter(({ level }) => level === 50)).toMatchObject([
      { trigger: 'all', eventId: 'e1', subject: 'order-1', correlationId: 'c1', status: 422 },
    ]);
    expect(await shop.metric('tradewind_broker_dead_letters_total')).toBe(0);
  });
});
