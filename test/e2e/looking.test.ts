import { describe, expect, it } from '@jest/globals';
import { insistently } from '../../services/cluster/insistently.ts';
import { knativeObjects } from '../../e2e/cluster/leftovers.ts';
import { removeNamespace } from '../../e2e/cluster/namespace.ts';
import { podsOf } from '../../e2e/cluster/pods.ts';
import type { Tools } from '../../e2e/cluster/tools.ts';
import type { ApiServer } from '../../services/cluster/api-server.ts';
import { healthy, policy } from '../cluster/clusters.ts';
import { askOf } from '../support/api-server.ts';

const SHOP = { instance: 'shop', component: 'payment' };

describe('the suite, asking an API server', () => {
  it.each<[string, readonly (number | Error)[], number, number]>([
    ['asks again where it is busy or the connection broke', [429, new Error('reset'), 503, 200], 200, 0],
    ['does not ask again for what it knows', [404, 200], 404, 1],
    ['takes what it says at last', [500, 500, 500, 503, 200], 503, 1],
  ])('%s', async (_title, answers, status, left) => {
    const server = answering(...answers);
    expect((await insistently(server.ask, [1, 1, 1])('/version')).status).toBe(status);
    expect(server.left()).toBe(left);
  });

  it('fails with the last reason where the connection keeps breaking', async () => {
    const broken = [1, 2, 3, 4].map((number) => new Error(`reset ${number}`));
    await expect(insistently(answering(...broken).ask, [1, 1, 1])('/version')).rejects.toThrow('reset 4');
  });
});

describe('what is left of Knative', () => {
  it('is found whatever kinds the cluster has, where it may be seen', async () => {
    const cluster = await healthy();
    cluster.kinds['eventing.knative.dev/v1alpha1'] = ['EventPolicy'];
    cluster.kinds['eventing.knative.dev/v1beta2'] = ['EventType'];
    cluster.kinds['messaging.knative.dev/v1'] = ['Subscription', 'InMemoryChannel'];
    cluster.kinds['example.com/v1'] = ['Trigger'];
    const metadata = { name: 'shop-kne-trigger', namespace: 'market' };
    cluster.objects.push(
      { apiVersion: 'messaging.knative.dev/v1', kind: 'InMemoryChannel', metadata },
      { apiVersion: 'example.com/v1', kind: 'Trigger', metadata },
    );
    policy(cluster);
    const found = await askOf(cluster, (server) => knativeObjects(server, 'market'));
    expect(found).toEqual(
      expect.arrayContaining([
        'Broker/shop',
        'SinkBinding/shop-payment',
        'InMemoryChannel/shop-kne-trigger',
        'EventPolicy/shop-ep',
      ]),
    );
    expect(found.filter((each) => each.startsWith('Trigger/')).length).toBeGreaterThan(30);
    expect(found).not.toContain('Trigger/shop-kne-trigger');
    cluster.forbidden.push(/\/brokers$/);
    expect(await askOf(cluster, (server) => knativeObjects(server, 'market'))).not.toContain('Broker/shop');
    expect(await askOf(cluster, (server) => knativeObjects(server, 'elsewhere'))).toEqual([]);
  });

  it('is not taken for nothing where the API server fails', async () => {
    const cluster = { ...(await healthy()), status: 500 };
    await expect(askOf(cluster, (server) => knativeObjects(server, 'market'))).rejects.toThrow(
      'the API server answers 500 to GET /apis',
    );
  });
});

describe('the Pods of a service', () => {
  it('are those of the part, and ready once they say so and are not about to go', async () => {
    const cluster = await healthy();
    const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    const put = (name: string, status: object, more: object = {}, part = 'payment'): void => {
      const labels = { 'app.kubernetes.io/instance': 'shop', 'app.kubernetes.io/component': part };
      const metadata = { name, namespace: 'market', labels, ...more };
      cluster.objects.push({ apiVersion: 'v1', kind: 'Pod', metadata, status });
    };
    put('at-work', ready);
    put('starting', { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] });
    put('leaving', ready, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    put('over', { phase: 'Succeeded' });
    put('other', ready, {}, 'ledger');
    expect(await askOf(cluster, (server) => podsOf(server, 'market', SHOP))).toEqual({
      ready: ['at-work'],
      all: ['at-work', 'starting', 'leaving'],
    });
    const { all } = await askOf(cluster, (server) => podsOf(server, 'market', { instance: 'shop' }));
    expect(all).toContain('other');
  });

  it('are not taken for none where they may not be listed', async () => {
    const cluster = await healthy();
    cluster.forbidden.push(/\/pods$/);
    await expect(askOf(cluster, (server) => podsOf(server, 'market', SHOP))).rejects.toThrow(
      'the API server answers 403 to a list of Pods in market',
    );
  });
});

describe('a namespace of another run', () => {
  it('stays, and so does one that was neither seen nor made', async () => {
    const cluster = await healthy();
    const metadata = { name: 'market', labels: { 'tradewind-e2e/run': 'other' } };
    cluster.objects.push({ apiVersion: 'v1', kind: 'Namespace', metadata });
    const commands: (readonly string[])[] = [];
    const toolsAt = (namespace: string): Tools =>
      ({
        place: { context: 'test', namespace },
        kubectl: async (args: readonly string[]) => {
          commands.push(args);
          return '';
        },
      }) as unknown as Tools;
    await askOf(cluster, async (server) => {
      await removeNamespace(server, toolsAt('market'), { run: 'this', isCreated: true }, 100);
      await removeNamespace(server, toolsAt('elsewhere'), { run: 'this', isCreated: false }, 100);
    });
    expect(commands).toEqual([]);
  });
});

describe('a namespace that does not go', () => {
  it('is told with what keeps it', async () => {
    const cluster = await healthy();
    const conditions = [
      { status: 'False', message: 'All content is removed' },
      { status: 'True', message: 'Some content in the namespace has finalizers remaining: sinkbindings' },
    ];
    const metadata = { name: 'market', labels: { 'tradewind-e2e/run': 'this' } };
    cluster.objects.push({ apiVersion: 'v1', kind: 'Namespace', metadata, status: { conditions } });
    const deaf = {
      place: { context: 'test', namespace: 'market' },
      kubectl: async () => '',
    } as unknown as Tools;
    await expect(
      askOf(cluster, (server) => removeNamespace(server, deaf, { run: 'this', isCreated: true }, 100)),
    ).rejects.toThrow(
      'namespace market is not gone after 0.1 s: Some content in the namespace has finalizers remaining: sinkbindings',
    );
  });
});

/** An API server that answers so, one after the other. */
function answering(...answers: readonly (number | Error)[]): { ask: ApiServer; left: () => number } {
  const left = [...answers];
  const next = (): number | Error => left.shift() ?? new Error('it was asked too often');
  return {
    left: () => left.length,
    ask: async (_path, body) => {
      const answer = next();
      if (answer instanceof Error) throw answer;
      return Promise.resolve({ status: answer, body });
    },
  };
}
