import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { budgetPolicy, deliveryOf, endlessPolicy } from '../../../platform/broker/delivery-policy.ts';
import { readManifests, type DeliverySpec, type Manifests } from '../../../platform/broker/manifests.ts';
import { nearestTrigger } from '../../../platform/broker/nearest.ts';
import { judge, type Failed } from '../../../platform/delivery/outcome.ts';
import { manifests, triggerFor } from '../../support/broker.ts';

const unwell = judge(500, {}, Buffer.alloc(0)) as Failed;
const refusal = judge(400, {}, Buffer.alloc(0)) as Failed;

function read(files: Record<string, string>): Manifests {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-manifests-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  try {
    return readManifests(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function deliveryIn(delivery: string, ofTrigger = ''): DeliverySpec {
  const { brokers, triggers } = read({
    'all.yaml': manifests(delivery, { one: triggerFor('alpha', {}, ofTrigger) }),
  });
  const [broker, trigger] = [brokers[0], triggers[0]];
  if (!broker || !trigger) throw new Error('not read');
  return deliveryOf(trigger, broker);
}

/** Milliseconds between the attempts to deliver what a subscriber answers with a 500. */
function waits(delivery: string, ofTrigger = ''): number[] {
  const policy = budgetPolicy(deliveryIn(delivery, ofTrigger));
  const times: number[] = [];
  for (let wait = policy.waitAfter(1, unwell); wait !== undefined;) {
    times.push(wait);
    wait = policy.waitAfter(times.length + 1, unwell);
  }
  return times;
}

const good = manifests('{ retry: 3 }', { one: triggerFor('alpha', { type: 'a.v1' }) });

describe('manifests', () => {
  it('are read from a folder and its subfolders, kustomization.yaml apart', () => {
    const { brokers, triggers } = read({
      'broker.yaml': manifests('{ retry: 3 }', {}),
      'triggers/alpha.yaml':
        manifests('{}', { one: triggerFor('alpha', { type: 'a.v1' }) }).split('\n---\n')[1] ?? '',
      'kustomization.yaml': 'resources: [broker.yaml]',
    });
    expect(brokers).toMatchObject([{ name: 'shop', namespace: 'default', delivery: { retry: 3 } }]);
    expect(triggers).toMatchObject([
      { name: 'one', broker: 'shop', attributes: { type: 'a.v1' }, ordered: false },
    ]);
  });

  it('are read through links, as a mounted ConfigMap has them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-manifests-'));
    mkdirSync(join(folder, '..data'));
    writeFileSync(join(folder, '..data', 'all.txt'), good);
    symlinkSync(join('..data', 'all.txt'), join(folder, 'all.yaml'));
    expect(readManifests(folder).triggers).toHaveLength(1);
    rmSync(folder, { recursive: true });
  });

  it.each([
    [
      'a field that the broker does not honour',
      good.replace('filter:', 'filters: [], filter:'),
      /all\.yaml \(one\).*filters/,
    ],
    [
      'a delivery field that it does not honour',
      good.replace('retry: 3', 'format: json'),
      /\(shop\).*spec\.delivery.*format/,
    ],
    [
      'a duration that is not ISO 8601',
      good.replace('retry: 3', 'backoffDelay: 200ms'),
      /backoffDelay: "200ms" is no ISO 8601/,
    ],
    ['an attribute name with a dash', good.replace('"type"', '"my-type"'), /spec\.filter\.attributes/],
    [
      'a Trigger whose Broker is missing',
      good.replace('broker: shop', 'broker: stop'),
      /there is no Broker "stop"/,
    ],
    ['a name used twice', `${good}\n---\n${good}`, /two Brokers[^]*two Triggers/],
    [
      'an order that is none',
      good.replace(
        'name: one',
        `name: one, annotations: { 'kafka.eventing.knative.dev/delivery.order': orderd }`,
      ),
      /delivery\.order: must be ordered or unordered/,
    ],
    [
      'a sink that is no address',
      good.replace('retry: 3', 'deadLetterSink: { uri: /dead }'),
      /deadLetterSink\.uri/,
    ],
    ['a derived attribute', good.replace('"type"', '"datamediatype"'), /is not honoured/],
    ['a name that is none', good.replace('name: one', 'name: "one#two"'), /metadata\.name/],
    ['an alias to nothing', good.replace('retry: 3', 'retry: *times'), /all\.yaml: .*times/],
    ['another kind', good.replace('kind: Trigger', 'kind: Sequence'), /kind/],
    ['another version', good.replace('eventing.knative.dev/v1', 'eventing.knative.dev/v2'), /apiVersion/],
    ['broken YAML', 'apiVersion: [', /all\.yaml/],
    ['nothing at all', '', /there is no Broker/],
  ])('with %s are refused, by file and field', (_what, yaml, message) => {
    expect(() => read({ 'all.yaml': yaml })).toThrow(message);
  });

  it('wait linearly or exponentially, by the documented formula', () => {
    expect(waits('{ retry: 3, backoffPolicy: linear, backoffDelay: PT0.2S }')).toEqual([200, 400, 600]);
    expect(waits('{ retry: 3, backoffPolicy: exponential, backoffDelay: PT0.2S }')).toEqual([400, 800, 1600]);
    expect(waits('{ retry: 2 }')).toEqual([0, 0]);
  });

  it.each([
    ['{ retry: 2, backoffPolicy: exponential, backoffDelay: PT0.2S }', 400],
    ['{ retry: 2, backoffPolicy: linear, backoffDelay: PT10S }', 10_000],
    ['{ retry: 0 }', 400],
  ])(
    'let dead letters of %s wait without an end, for 30 s at most, each a little different',
    (text, first) => {
      const policy = endlessPolicy(deliveryIn(text));
      const spread = (attempts: number): [number, number, number] => {
        const times = Array.from({ length: 200 }, () => policy.waitAfter(attempts, refusal) ?? Number.NaN);
        return [Math.min(...times), Math.max(...times), new Set(times).size];
      };
      for (const [attempts, longest] of [
        [1, first],
        [2000, 30_000],
      ] as const) {
        const [least, most, different] = spread(attempts);
        expect(least).toBeGreaterThanOrEqual(longest / 2);
        expect(most).toBeLessThanOrEqual(longest);
        expect(different).toBeGreaterThan(100);
      }
    },
  );

  it('let a Trigger’s delivery replace the Broker’s as a whole, but for its dead letter sink', () => {
    const sink = 'deadLetterSink: { uri: "http://127.0.0.1:1/" }';
    const broker = `{ retry: 3, backoffPolicy: linear, backoffDelay: PT1S, ${sink} }`;
    const trigger = ', delivery: { retry: 1 }';
    expect(waits(broker, trigger)).toEqual([0]);
    expect(deliveryIn(broker, trigger).deadLetterSink).toEqual({ uri: 'http://127.0.0.1:1/' });
  });

  it('name the Trigger that an unmatched event came nearest to, and what it lacks', () => {
    const { triggers } = read({
      'all.yaml': manifests('{}', {
        placed: triggerFor('alpha', { type: 'shop.order.placed.v1' }),
        moved: triggerFor('alpha', { type: 'shop.customer.updated.v1', change: 'address' }),
      }),
    });
    expect(nearestTrigger(triggers, { type: 'shop.order.place.v1' })).toBe(
      'placed wants type "shop.order.placed.v1"',
    );
    expect(nearestTrigger(triggers, { type: 'shop.customer.updated.v1' })).toBe(
      'moved wants change "address"',
    );
  });
});
