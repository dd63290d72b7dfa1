import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  lettersAt,
  manifests,
  SINK,
  startTestBroker,
  triggerFor,
  type TestBroker,
} from '../../support/broker.ts';
import { openReceiver, status, type Receiver } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';

const forwarded = { 'x-request-id': 'r1', 'knative-replay': 'p1', 'x-b3-traceid': '80f198ee56343ba8' };

describe('the headers of a producer', () => {
  let receiver: Receiver;
  let sink: Receiver;
  let shop: TestBroker;
  beforeEach(async () => {
    [receiver, sink] = await Promise.all([openReceiver(), openReceiver()]);
    const yaml = manifests(`{ retry: 0, ${SINK} }`, {
      all: triggerFor('alpha', { type: 'test.happened.v1' }),
      answers: triggerFor('ledger', { type: 'answered' }),
    });
    shop = await startTestBroker(yaml, { alpha: receiver.url, ledger: sink.url });
  });
  afterEach(async () => {
    await shop[Symbol.asyncDispose]();
    await Promise.all([receiver.leave(), sink.leave()]);
  });

  it('that Knative hands on reach the subscriber and the dead letter sink, and no others do', async () => {
    receiver.answer = status(422);
    const others = {
      authorization: 'Bearer secret',
      traceparent: '00-1',
      'x-other': 'x',
      'kn-namespace': 'n',
    };
    await shop.post({}, { n: 1 }, { ...forwarded, ...others });
    await until('the sink has it', () => shop.broker.idle());
    for (const got of [receiver.got[0], sink.got[0]]) {
      expect(got?.headers).toMatchObject({ ...forwarded, 'kn-namespace': 'default' });
      for (const name of ['authorization', 'traceparent', 'x-other']) {
        expect(got?.headers).not.toHaveProperty(name);
      }
    }
  });

  it('are left off where they are too long, or not printable', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 10 }, (_, n) => [`knative-long-${n}`, 'x'.repeat(1000)]),
    );
    await shop.post({}, { n: 1 }, { ...many, 'knative-odd': 'größe', 'knative-replay': 'p1' });
    await until('it arrived', () => shop.broker.idle());
    const names = Object.keys(receiver.got[0]?.headers ?? {}).filter((name) => name.startsWith('knative-'));
    expect(names).toEqual([
      'knative-long-0',
      'knative-long-1',
      'knative-long-2',
      'knative-long-3',
      'knative-replay',
    ]);
  });

  it('do not travel with a reply, but those of the answer do', async () => {
    const reply = { 'ce-specversion': '1.0', 'ce-id': 'a1', 'ce-source': '/alpha', 'ce-type': 'answered' };
    receiver.answer = status(200, '', { ...reply, 'x-request-id': 'of the answer', 'x-other': 'x' });
    await shop.post({}, { n: 1 }, forwarded);
    await until('the reply arrived', () => shop.broker.idle());
    const [answer] = sink.got;
    expect(answer?.headers).toMatchObject({ 'ce-id': 'a1', 'x-request-id': 'of the answer' });
    expect(answer?.headers).not.toHaveProperty('knative-replay');
    expect(answer?.headers).not.toHaveProperty('x-other');
    expect(lettersAt(sink)).toEqual([]);
  });
});
