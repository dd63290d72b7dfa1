import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { root } from '../support/root.ts';
import { openStandIn, type StandIn } from './stand-in.ts';

const NAMESPACE = 'e2e-here';
const IMAGE = ['--image', 'registry.example.com/tradewind:1', '--namespace', NAMESPACE];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The whole program, with stand-ins for kubectl, Helm and the API server, and a real shop behind them. */
describe('npm run e2e', () => {
  let standIn: StandIn;
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tradewind-e2e-out-'));
    standIn = await openStandIn();
  }, 180_000);
  afterEach(async () => {
    // Only one that its test has given up runs still.
    child?.kill('SIGKILL');
    await standIn[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }, 180_000);

  /** @param hear called with all that it has said, whenever it says more */
  async function run(
    args: readonly string[],
    hear: (said: string, stop: () => void) => void = () => undefined,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const program = ['--disable-warning=ExperimentalWarning', join(root, 'e2e/main.ts'), ...args];
    const running = spawn(process.execPath, program, {
      cwd: folder,
      env: { ...process.env, ...standIn.env, ...env },
    });
    child = running;
    let [stdout, stderr] = ['', ''];
    running.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      hear(stdout, () => running.kill('SIGINT'));
    });
    running.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(running, 'close')) as [number | null];
    return { code, stdout, stderr };
  }

  const inNamespace = (): unknown[] =>
    standIn.cluster.objects.filter(
      ({ metadata }) => metadata.namespace === NAMESPACE || metadata.name === NAMESPACE,
    );

  it('installs, runs the cases, survives that Pods are replaced, and leaves nothing', async () => {
    const labels: unknown[] = [];
    standIn.before = (command) => {
      const made = standIn.cluster.objects.find(({ metadata }) => metadata.name === NAMESPACE);
      if (command.startsWith('helm install')) labels.push(made?.metadata.labels);
    };
    const chosen = only('events', 'shipping-away', 'pods', 'upgrade', 'uninstall');
    const { code, stdout, stderr } = await run([...IMAGE, ...chosen, '--junit', 'out.xml']);
    expect([code, stderr, stdout]).toEqual([0, '', expect.stringMatching(/\n6 passed, 0 failed\n$/)]);
    expect(labels).toEqual([
      {
        'app.kubernetes.io/managed-by': 'tradewind-e2e',
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/enforce-version': 'latest',
        'tradewind-e2e/run': expect.stringMatching(/^[\w-]{36}$/),
      },
    ]);
    expect(inNamespace()).toEqual([]);
    const xml = readFileSync(join(folder, 'out.xml'), 'utf8');
    expect(xml).toContain('tests="6" failures="0"');
    expect(existsSync(join(folder, 'e2e-report'))).toBe(false);
    for (const command of standIn.commands)
      expect(command).toMatch(/^(?:helm .*--kube-context|kubectl .*--context) test --namespace e2e-here/s);
  }, 600_000);

  it('tells what failed, writes down what it looked like, and removes the namespace all the same', async () => {
    // Helm says that it has removed everything, and a Trigger stays.
    standIn.after = (command) => {
      if (!command.startsWith('helm uninstall')) return;
      const metadata = { name: 'left', namespace: NAMESPACE };
      standIn.cluster.objects.push({ apiVersion: 'eventing.knative.dev/v1', kind: 'Trigger', metadata });
    };
    const { code, stdout } = await run([...IMAGE, ...only('uninstall'), '--timeout', '20s']);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/\n1 passed, 1 failed\n$/)]);
    expect(stdout).toContain('left behind:\n    Trigger/left\n');
    const report = join(folder, 'e2e-report/uninstall');
    expect(readdirSync(report)).toEqual(
      expect.arrayContaining([
        'dead-letters.json',
        'doctor.txt',
        'events.txt',
        'logs',
        'pods.txt',
        'wiring.txt',
      ]),
    );
    expect(inNamespace()).toEqual([]);
  }, 300_000);

  it('skips every case where the shop cannot be installed, with what Helm said', async () => {
    standIn.before = (command) => {
      if (command.startsWith('helm install'))
        throw new Error('INSTALLATION FAILED: context deadline exceeded');
    };
    const { code, stdout } = await run([...IMAGE, ...only('shipped')]);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/\n0 passed, 1 failed, 1 skipped\n$/)]);
    expect(stdout).toContain('helm install shop: Error: INSTALLATION FAILED: context deadline exceeded');
    expect(inNamespace()).toEqual([]);
  }, 180_000);

  it('removes the namespace when it is interrupted', async () => {
    let stopped = false;
    const { code, stdout } = await run([...IMAGE, ...only('shipping-away')], (said, stop) => {
      if (stopped || !said.includes('shipping has no Pod')) return;
      stopped = true;
      stop();
    });
    expect([code, stdout]).toEqual([130, expect.stringContaining('\nremoving namespace e2e-here\n')]);
    expect(inNamespace()).toEqual([]);
  }, 300_000);

  it('leaves the shop with --keep, and says how to remove it', async () => {
    const { code, stdout } = await run([...IMAGE, ...only('uninstall'), '--keep']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\n1 passed, 0 failed, 1 skipped\n$/)]);
    expect(stdout).toContain('kubectl delete namespace e2e-here --context test');
    expect(inNamespace()).not.toEqual([]);
  }, 300_000);

  it.each([
    ['somebody’s', {}, 'exists and is somebody'],
    ['left over', { 'app.kubernetes.io/managed-by': 'tradewind-e2e' }, 'is left over from a run before'],
  ])(
    'does not touch a namespace that is there: %s',
    async (_whose, labels, words) => {
      const metadata = { name: NAMESPACE, labels };
      standIn.cluster.objects.push({ apiVersion: 'v1', kind: 'Namespace', metadata });
      const { code, stderr } = await run(IMAGE);
      expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
      expect([standIn.commands, inNamespace()]).toEqual([[], [expect.anything()]]);
    },
    60_000,
  );

  it('says what the cluster lacks in the words of the doctor, before it makes anything', async () => {
    const { kinds } = standIn.cluster;
    delete kinds['sources.knative.dev/v1'];
    const { code, stdout } = await run(IMAGE);
    const words =
      'Knative Eventing is missing: the cluster has no sources.knative.dev.\n  sh scripts/knative.sh install\n';
    expect([code, stdout]).toEqual([1, expect.stringContaining(words)]);
    kinds['sources.knative.dev/v1'] = ['SinkBinding'];
    const kafka = await run([...IMAGE, '--broker-class', 'Kafka']);
    expect([kafka.code, standIn.commands]).toEqual([1, []]);
    expect(kafka.stdout).toContain(
      'Broker class Kafka is not installed: knative-eventing has no kafka-controller',
    );
  }, 180_000);

  it.each<[string, readonly string[], Readonly<Record<string, string>>, number, string]>([
    ['an image', [], {}, 2, '--image is needed'],
    ['an image with a tag', ['--image', 'tradewind'], {}, 2, '--image must be like'],
    [
      'a case that there is',
      [...IMAGE, '--only', 'lunch'],
      {},
      2,
      'there is no case "lunch": choose of shipped, ',
    ],
    ['a file that there is', [...IMAGE, '--values', 'no.yaml'], {}, 2, 'there is no file no.yaml'],
    [
      'a context that there is',
      [...IMAGE, '--context', 'no'],
      {},
      1,
      'the kubeconfig has no context "no"; it has test',
    ],
    [
      'any kubeconfig',
      IMAGE,
      { KUBECONFIG: '', HOME: '/nowhere' },
      1,
      'there is no kubeconfig: set KUBECONFIG',
    ],
    [
      'a kubeconfig',
      IMAGE,
      { KUBECONFIG: '/nowhere' },
      1,
      'KUBECONFIG names no file that is there: /nowhere',
    ],
  ])(
    'asks for %s',
    async (_what, args, env, code, words) => {
      const ended = await run(args, undefined, env);
      expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(words)]);
    },
    180_000,
  );

  it('says that the cluster does not answer', async () => {
    standIn.cluster.status = 500;
    const { code, stderr } = await run(IMAGE);
    const words =
      'The cluster cannot be asked: the API server answers 500 to GET /version.\n  kubectl cluster-info\n';
    expect([code, stderr]).toEqual([1, words]);
  }, 180_000);
});

function only(...names: string[]): string[] {
  return names.flatMap((name) => ['--only', name]);
}
