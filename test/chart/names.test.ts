import { describe, expect, it } from '@jest/globals';
import { find, ofKind, podsOf, render } from '../support/render.ts';

describe('names', () => {
  it.each([
    ['a long release', 'r'.repeat(53), {}],
    ['a long name of one’s own', 'shop', { fullnameOverride: 'n'.repeat(63) }],
    ['an even longer one', 'shop', { fullnameOverride: 'n'.repeat(70) }],
  ])('have 63 characters at most and stay apart: %s', async (_what, release, values) => {
    const objects = await render({ release, values });
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(objects.filter(({ metadata }) => metadata.name.length > 63)).toEqual([]);
    for (const { metadata } of objects)
      for (const value of Object.values(metadata.labels ?? {})) expect(value.length).toBeLessThan(64);
  });

  it('of two releases in one namespace never meet, nor do their Pods', async () => {
    const [one, two] = [await render({ release: 'one' }), await render({ release: 'two' })];
    const names = [...one, ...two].map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    const { spec } = find(one, 'Service', 'one-payment');
    expect(find(two, 'Deployment', 'two-payment')['spec'].template.metadata.labels).not.toMatchObject(
      spec.selector,
    );
  });

  it.each(['1shop', 'my.shop', '123'])(
    'that Services cannot have are refused, with the way out: %s',
    async (release) => {
      await expect(render({ release })).rejects.toThrow(/with a letter first: set fullnameOverride/);
      const objects = await render({ release, values: { fullnameOverride: 'shop' } });
      // A label that looks like a number or a boolean is text all the same.
      expect(find(objects, 'Service', 'shop-payment').metadata.labels?.['app.kubernetes.io/instance']).toBe(
        release,
      );
    },
  );

  it.each(['y', 'null', 'true'])('stay text where YAML would read something else: %s', async (release) => {
    const objects = await render({ release });
    expect(find(objects, 'Broker', release).metadata.name).toBe(release);
    for (const { spec } of ofKind(objects, 'Trigger')) expect(spec.broker).toBe(release);
  });

  it('of the image: the digest wins over the tag, the global registry over the image’s own', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const image = { registry: 'a.example.com', repository: 'shop/tradewind', tag: '2', digest };
    const objects = await render({ values: { image, global: { imageRegistry: 'b.example.com' } } });
    const images = podsOf(objects).flatMap(({ spec }) =>
      spec.containers.map((each: { image: string }) => each.image),
    );
    expect(new Set(images)).toEqual(new Set([`b.example.com/shop/tradewind@${digest}`]));
  });
});

describe('labels', () => {
  const own = {
    team: 'shop',
    'app.kubernetes.io/part-of': 'market',
    'app.kubernetes.io/instance': 'mine',
    'app.kubernetes.io/managed-by': 'mine',
  };

  it('of one’s own are on every object and Pod, but for those that selectors and Helm use', async () => {
    const values = {
      commonLabels: own,
      defaults: { podLabels: { tier: 'back', 'app.kubernetes.io/component': 'mine' } },
      monitoring: { serviceMonitor: { enabled: true, labels: { release: 'p' } } },
      networkPolicy: { metricsFrom: [{ podSelector: {} }] },
      preflight: { enabled: true },
    };
    const objects = await render({ values });
    for (const { metadata } of objects)
      expect(metadata.labels).toMatchObject({
        team: 'shop',
        'app.kubernetes.io/part-of': 'market',
        'app.kubernetes.io/instance': 'shop',
        'app.kubernetes.io/managed-by': 'Helm',
      });
    for (const { labels } of podsOf(objects)) expect(labels).toMatchObject({ team: 'shop', tier: 'back' });
    for (const { spec } of ofKind(objects, 'Deployment'))
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    expect(find(objects, 'ServiceMonitor', 'shop-monitor').metadata.labels).toMatchObject({ release: 'p' });
  });

  it('of a selector never depend on what can be upgraded', async () => {
    const values = {
      commonLabels: own,
      nameOverride: '',
      image: { tag: '2' },
      defaults: { podLabels: { a: 'b' } },
    };
    const [before, after] = [await render(), await render({ values })];
    const selectors = (objects: typeof before): unknown =>
      ofKind(objects, 'Deployment').map(({ metadata, spec }) => [metadata.name, spec.selector]);
    expect(selectors(after)).toEqual(selectors(before));
  });

  it('put Deployments among those that a SinkBinding may change, where only some are', async () => {
    for (const { metadata } of ofKind(await render(), 'Deployment'))
      expect(metadata.labels).toMatchObject({ 'bindings.knative.dev/include': 'true' });
  });
});
