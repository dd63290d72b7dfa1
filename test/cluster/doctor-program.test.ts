import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { openApiServer, type TestCluster } from '../support/api-server.ts';
import { writeKubeconfig } from '../support/kubeconfig.ts';
import { root } from '../support/root.ts';
import { healthy, without, type Break } from './clusters.ts';

describe('the preflight of the chart', () => {
  it.each<[string, string, Break, number, string]>([
    ['nothing is wrong', 'none', () => {}, 0, 'Nothing is wrong.\n'],
    ['nobody gives tokens', 'oidc', () => {}, 1, 'The shop asks for tokens (security.eventing: oidc), and'],
    [
      'Knative is missing in part',
      'none',
      ({ kinds }) => delete kinds['sources.knative.dev/v1'],
      1,
      'Knative Eventing is missing: the cluster has no sources.knative.dev.\n  sh scripts/knative.sh install\n',
    ],
  ])('ends as it should where %s', async (_what, EVENTING_SECURITY, damage, code, words) => {
    const cluster = await healthy();
    damage(cluster);
    await using server = await openApiServer(cluster);
    const identity = { API_SERVER: server.url, API_TOKEN: 'token', NAMESPACE: 'market' };
    const ended = await run('services/cluster/preflight.ts', [], { ...identity, EVENTING_SECURITY });
    expect([ended.code, ended.stdout]).toEqual([code, expect.stringContaining(words)]);
  });
});

describe('npm run doctor', () => {
  it('ends with a sentence and a command for each problem, and with 1', async () => {
    const cluster = await healthy();
    without('Broker')(cluster);
    const { code, stdout } = await doctor(cluster, '--namespace', 'market');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^context test\nKubernetes v1\.36\.0\n/);
    expect(stdout).toMatch(/\n\nThe Triggers of shop name Broker shop, .*\n {2}helm upgrade shop .*\n$/);
  });

  it('asks for the namespace of the kubeconfig, and ends with 0 where nothing is wrong', async () => {
    const { code, stdout } = await doctor(await healthy(), '--json');
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({ context: 'test', unseen: [], problems: [] }),
    ]);
  });

  it('looks before an installation at what it needs alone', async () => {
    const cluster = await healthy();
    without('Broker')(cluster);
    without('Deployment')(cluster);
    cluster.denied.push('create sinkbindings');
    const args = ['--before', '--namespace', 'market', '--oidc', '--broker-class', 'Kafka', '--json'];
    const { code, stdout } = await doctor(cluster, ...args);
    const { problems } = JSON.parse(stdout) as { problems: { problem: string }[] };
    expect([code, problems.map(({ problem }) => problem)]).toEqual([
      1,
      [
        expect.stringMatching(/^You may not create and change sinkbindings in namespace market/),
        'The shop asks for tokens (security.eventing: oidc), and Knative gives none.',
        expect.stringMatching(/^Broker class Kafka is not installed: /),
      ],
    ]);
  });

  it('says that RabbitMQ’s own Pods do not pass in a restricted namespace', async () => {
    const cluster = await healthy();
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    cluster.objects.push({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'market', labels } });
    const words = 'so it takes no Pods of the RabbitMQ Broker';
    const { stdout } = await doctor(cluster, '--before', '--broker-class', 'RabbitMQBroker');
    expect(stdout).toContain(words);
    expect((await doctor(cluster, '--before')).stdout).not.toContain(words);
  });

  it('finds nothing wrong before an installation on a stock Knative', async () => {
    const cluster = await healthy();
    const knative = cluster.objects.filter(({ metadata }) => metadata.namespace !== 'market');
    cluster.objects.splice(0, Infinity, ...knative);
    const { code, stdout } = await doctor(cluster, '--before');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\nNothing is wrong\.\n$/)]);
  });

  it.each([
    [['--oidc'], 'error: --oidc goes with --before: what is installed says it itself\n'],
    [['--broker-class', 'kafka', '--before'], 'error: option'],
    [['--befor'], "error: unknown option '--befor'\n"],
  ])('ends with 2 where it was misused: %j', async (args, words) => {
    const { code, stderr } = await doctor(await healthy(), ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
  });

  it('says which contexts there are where it does not know one', async () => {
    const { code, stderr } = await doctor(await healthy(), '--context', 'prod');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^The cluster cannot be asked: the kubeconfig has no context "prod"; it has test\./,
      ),
    ]);
  });

  it.each([
    [401, 'the API server does not know you (401): log in again'],
    [500, 'the API server answers 500 to GET /version'],
  ])('says why it cannot ask: %s', async (status, reason) => {
    const { code, stderr } = await doctor({ ...(await healthy()), status });
    expect([code, stderr]).toEqual([1, `The cluster cannot be asked: ${reason}.\n  kubectl cluster-info\n`]);
  });
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('a kubeconfig of several files', () => {
  it('is read as kubectl does: the first one is right, and what is missing is passed over', async () => {
    await using server = await openApiServer(await healthy());
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-doctor-'));
    // The cluster and the user "test" are in both.
    const files = [
      join(folder, 'missing.json'),
      writeKubeconfig(folder, server.url, 'one'),
      writeKubeconfig(folder, 'http://127.0.0.1:9', 'two'),
    ];
    const env = { KUBECONFIG: files.join(delimiter) };
    const found = await run('scripts/doctor.ts', ['--before'], env);
    const other = await run('scripts/doctor.ts', ['--before', '--context', 'two'], env);
    const none = await run('scripts/doctor.ts', [], { KUBECONFIG: files[0] ?? '' });
    rmSync(folder, { recursive: true });
    expect([found.code, found.stdout]).toEqual([0, expect.stringMatching(/^context one\n/)]);
    expect([other.code, other.stdout]).toEqual([0, expect.stringMatching(/^context two\n/)]);
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringContaining('KUBECONFIG names no file that is there'),
    ]);
  });
});

async function doctor(cluster: TestCluster, ...args: string[]): Promise<Ended> {
  await using server = await openApiServer(cluster);
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-doctor-'));
  const KUBECONFIG = writeKubeconfig(folder, server.url);
  const ended = await run('scripts/doctor.ts', args, { KUBECONFIG });
  rmSync(folder, { recursive: true });
  return ended;
}

function run(path: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const program = ['--disable-warning=ExperimentalWarning', join(root, path), ...args];
  return promisify(execFile)(process.execPath, program, { env: { ...process.env, ...env } })
    .then((said) => ({ code: 0, ...said }))
    .catch((error: Ended) => error);
}
