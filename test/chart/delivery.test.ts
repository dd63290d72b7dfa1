import { describe, expect, it } from '@jest/globals';
import { find, ofKind, render, type KubeObject } from '../support/render.ts';

const slow = { retry: 3, backoffPolicy: 'linear', backoffDelay: 'PT1M0.5S', timeout: 'PT8S' };
const ledger = { ref: { apiVersion: 'v1', kind: 'Service', name: 'shop-ledger' }, uri: '/dead-letters' };

function relayTimeout(objects: readonly KubeObject[]): string | undefined {
  return (find(objects, 'ConfigMap', 'shop-storefront')['data'] as Record<string, string>)['RELAY_TIMEOUT'];
}

describe('a delivery of one’s own', () => {
  it('of the Broker replaces the block of the wiring, but for its dead letter sink', async () => {
    const objects = await render({ values: { broker: { delivery: slow } } });
    expect(find(objects, 'Broker', 'shop')['spec'].delivery).toEqual({ ...slow, deadLetterSink: ledger });
    for (const { spec } of ofKind(objects, 'Trigger')) expect(spec.delivery).toBeUndefined();
  });

  it('of a service is that of its Triggers, whole: nothing of the Broker’s holds there but what is repeated', async () => {
    const values = { broker: { class: 'Kafka' }, services: { payment: { delivery: slow } } };
    for (const { spec } of ofKind(await render({ values }), 'Trigger'))
      expect(spec.delivery).toEqual(
        spec.subscriber.ref.name === 'shop-payment' ? { ...slow, deadLetterSink: ledger } : undefined,
      );
  });

  it('has its dead letter sink on a Broker that is somebody else’s, too', async () => {
    const broker = { create: false, name: 'theirs', class: 'Kafka' };
    const services = { payment: { delivery: slow } };
    await expect(render({ values: { broker, services } })).rejects.toThrow(
      /services\.payment\.delivery needs broker\.deadLetterSink: on Kafka/,
    );
    const deadLetterSink = { uri: 'https://dead-letters.example.com/' };
    const objects = await render({ values: { broker: { ...broker, deadLetterSink }, services } });
    expect(find(objects, 'Trigger', 'shop-payment-order-placed')['spec'].delivery).toEqual({
      ...slow,
      deadLetterSink,
    });
  });

  it.each([
    [{ retry: 8 }, /missing properties 'backoffPolicy', 'backoffDelay', 'timeout'/],
    [{ ...slow, timeout: '5s' }, /'5s' does not match/],
    [{ ...slow, timeout: 'PT' }, /minLength/],
    [{ ...slow, timeout: 'PT12S' }, /shutdown\.grace is 10 s, and a delivery may take 12 s/],
  ])('that Knative would take otherwise than meant is refused: %j', async (delivery, sentence) => {
    await expect(render({ values: { broker: { delivery } } })).rejects.toThrow(sentence);
    await expect(render({ values: { services: { payment: { delivery } } } })).rejects.toThrow(sentence);
  });
});

describe('the patience of the relay', () => {
  it('is the services’ own with the wiring as it is, and on brokers that answer at once', async () => {
    expect(relayTimeout(await render())).toBeUndefined();
    const values = { broker: { class: 'Kafka', delivery: slow } };
    expect(relayTimeout(await render({ values }))).toBeUndefined();
  });

  it('lies above the longest post where the Broker keeps it open until all have failed', async () => {
    // Linear: 60.5 × (1 + 2 + 3) = 363 s of waiting, four attempts of 8 s, and the same again at the dead letter sink.
    const longest = 2 * (363 + 4 * 8);
    expect(relayTimeout(await render({ values: { broker: { delivery: slow } } }))).toBe(
      `${Math.ceil(longest * 1.25)}s`,
    );
    // Exponential: 0.2 × (2⁹ − 1) = 102.2 s, ten attempts of 4 s.
    const delivery = { retry: 9, backoffPolicy: 'exponential', backoffDelay: 'PT0.2S', timeout: 'PT4S' };
    const objects = await render({ values: { services: { payment: { delivery } } } });
    expect(relayTimeout(objects)).toBe(`${Math.ceil(2 * (102.2 + 40) * 1.25)}s`);
  });

  it('is what values say it is', async () => {
    const values = { broker: { delivery: slow }, defaults: { settings: { RELAY_TIMEOUT: '1h' } } };
    expect(relayTimeout(await render({ values }))).toBe('1h');
  });
});

describe('the Broker', () => {
  it('keeps its class, whatever annotations say, and finds its configuration', async () => {
    const broker = {
      annotations: { 'eventing.knative.dev/broker.class': 'Other', owner: 'shop' },
      config: { apiVersion: 'v1', kind: 'ConfigMap', name: 'channels' },
    };
    const { metadata, spec } = find(await render({ values: { broker } }), 'Broker', 'shop');
    expect(metadata.annotations).toEqual({
      'eventing.knative.dev/broker.class': 'MTChannelBasedBroker',
      owner: 'shop',
    });
    expect(spec.config).toEqual({ ...broker.config, namespace: 'market' });
  });
});
