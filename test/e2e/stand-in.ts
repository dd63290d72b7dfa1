import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { json } from 'node:stream/consumers';
import { messageOf } from '../../platform/errors.ts';
import { SERVICES } from '../../e2e/stage.ts';
import { healthy } from '../cluster/clusters.ts';
import { openApiServer, type TestCluster } from '../support/api-server.ts';
import { writeKubeconfig } from '../support/kubeconfig.ts';
import type { KubeObject } from '../support/render.ts';
import { root } from '../support/root.ts';
import { secrets } from '../support/shop.ts';
import { openLocalStage, type LocalStage } from './local-stage.ts';

interface Call {
  readonly tool: 'helm' | 'kubectl';
  readonly args: readonly string[];
  readonly input: string;
}

/** A cluster that the suite can be run against: an API server, and in the place of its Pods services of this process. */
export interface StandIn extends AsyncDisposable {
  readonly cluster: TestCluster;
  /** Every command that was given, its words joined. */
  readonly commands: readonly string[];
  /** Environment that leads kubectl, Helm and the client to it. */
  readonly env: Readonly<Record<string, string>>;
  /** Called before each command; what it throws is the command's failure. */
  before: (command: string) => void;
  /** Called when a command has been obeyed. */
  after: (command: string) => void;
}

export async function openStandIn(): Promise<StandIn> {
  const cluster = await healthy();
  const api = await openApiServer(cluster);
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-e2e-test-'));
  const commander = new Commander(cluster);
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const said = await commander.obey((await json(request)) as Call);
      response.end(JSON.stringify(said));
    };
    void answer();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  for (const tool of ['helm', 'kubectl']) writeTool(folder, tool, `http://127.0.0.1:${port}`);
  const standIn: StandIn = {
    cluster,
    commands: commander.commands,
    before: () => undefined,
    after: () => undefined,
    env: {
      KUBECONFIG: writeKubeconfig(folder, api.url),
      PATH: `${folder}${delimiter}${process.env['PATH']}`,
    },
    async [Symbol.asyncDispose]() {
      await commander.close();
      server.closeAllConnections();
      await once(server.close(), 'close');
      await api[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
  commander.watch = standIn;
  return standIn;
}

/** A program with the tool's name, of a version that is recent enough. */
function writeTool(folder: string, tool: string, url: string): void {
  const program = `'${process.execPath}' --disable-warning=ExperimentalWarning '${join(root, 'test/e2e/tool.ts')}'`;
  const version = `if [ "$1" = version ]; then echo 'v4.1.4 Kustomize Version: v5.7.1'; exit; fi`;
  const path = join(folder, tool);
  writeFileSync(path, `#!/bin/sh\n${version}\nexec ${program} ${url} ${tool} "$@"\n`);
  chmodSync(path, 0o755);
}

/** Does what kubectl and Helm are told, as far as the suite tells them anything. */
class Commander {
  readonly commands: string[] = [];
  watch: Pick<StandIn, 'before' | 'after'> = { before: () => undefined, after: () => undefined };
  readonly #cluster: TestCluster;
  #shop: LocalStage | undefined;
  #pods = 0;
  /** Whether somebody but Helm owns the number of replicas. */
  #scaled = false;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  async obey({ tool, args, input }: Call): Promise<object> {
    if (args[0] === 'version') return {};
    const command = [tool, ...args].join(' ');
    this.commands.push(command);
    try {
      this.watch.before(command);
      const said = await (tool === 'helm' ? this.#helm(args) : this.#kubectl(args, input));
      this.watch.after(command);
      return { code: 0, stdout: '', stderr: '', ...said };
    } catch (error) {
      return { code: 1, stdout: '', stderr: `Error: ${messageOf(error)}\n` };
    }
  }

  async close(): Promise<void> {
    await this.#shop?.[Symbol.asyncDispose]();
    this.#shop = undefined;
  }

  get #stage(): LocalStage {
    if (!this.#shop) throw new Error('release: not found');
    return this.#shop;
  }

  async #helm(args: readonly string[]): Promise<object> {
    const namespace = after(args, '--namespace');
    switch (args[0]) {
      case 'install':
        this.#shop = await openLocalStage();
        this.#release(namespace);
        return {};
      case 'upgrade':
        if (this.#scaled && !args.includes('--force-conflicts'))
          throw new Error('conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas');
        if (!args.includes('--reset-values')) throw new Error('values of last time');
        for (const service of SERVICES) await this.#replace(service, namespace);
        return {};
      case 'test':
        return { stdout: await this.#stage.selfTest() };
      case 'uninstall':
        await this.close();
        this.#remove(({ metadata, kind }) => metadata.namespace === namespace && kind !== 'Namespace');
        return {};
      default:
        return {};
    }
  }

  async #kubectl(args: readonly string[], input: string): Promise<object> {
    const namespace = after(args, '--namespace');
    const [verb, first = '', second = ''] = args;
    switch (verb) {
      case 'create':
        this.#cluster.objects.push(JSON.parse(input) as KubeObject);
        return {};
      case 'delete':
        if (first === 'namespace')
          this.#remove(({ metadata }) => metadata.name === second || metadata.namespace === second);
        else void this.#replace(this.#serviceOf(second), namespace);
        return {};
      case 'scale':
        await this.#scale(first.replace('deployment/shop-', ''), args, namespace);
        return {};
      case 'exec': {
        const program = args.at(-1) ?? '';
        return { stdout: await this.#stage.run(this.#serviceOf(args[2] ?? ''), program, JSON.parse(input)) };
      }
      case 'port-forward': {
        const { port } = new URL(this.#stage.shop.urlOf(this.#serviceOf(first.replace('pod/', ''))));
        return { forward: Number(port) };
      }
      default:
        return {
          stdout: verb === 'get' && first === 'pods' ? this.#podNames(namespace) : `${verb} ${first}\n`,
        };
    }
  }

  /** What the chart makes and Knative and the kubelet make of it. */
  #release(namespace: string): void {
    const { objects } = this.#cluster;
    const made = objects.filter(({ metadata }) => metadata.namespace === 'market');
    const data = { 'staff-token': Buffer.from(secrets.staffToken).toString('base64') };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shop-secrets', namespace }, data };
    objects.push(...made.map((each) => ({ ...each, metadata: { ...each.metadata, namespace } })), secret);
    for (const service of SERVICES) this.#addPod(service, namespace);
  }

  async #scale(service: string, args: readonly string[], namespace: string): Promise<void> {
    this.#scaled = true;
    const replicas = Number(args.find((each) => each.startsWith('--replicas='))?.split('=')[1]);
    await this.#stage.scale(service, replicas);
    this.#remove((object) => isPodOf(object, service, namespace));
    for (let count = 0; count < replicas; count += 1) this.#addPod(service, namespace);
  }

  /** The Pod is gone at once; another one is there when its process is. */
  async #replace(service: string, namespace: string): Promise<void> {
    this.#remove((object) => isPodOf(object, service, namespace));
    await this.#stage.replace(service);
    this.#addPod(service, namespace);
  }

  #addPod(service: string, namespace: string): void {
    this.#pods += 1;
    const labels = { 'app.kubernetes.io/instance': 'shop', 'app.kubernetes.io/component': service };
    this.#cluster.objects.push({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `shop-${service}-${this.#pods}`, namespace, labels },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    });
  }

  #serviceOf(pod: string): string {
    const found = this.#cluster.objects.find(({ kind, metadata }) => kind === 'Pod' && metadata.name === pod);
    if (!found) throw new Error(`pods "${pod}" not found`);
    return found.metadata.labels?.['app.kubernetes.io/component'] ?? '';
  }

  #podNames(namespace: string): string {
    const pods = this.#cluster.objects.filter(
      (each) => each.kind === 'Pod' && each.metadata.namespace === namespace,
    );
    return pods.map(({ metadata }) => `pod/${metadata.name}\n`).join('');
  }

  #remove(which: (object: KubeObject) => boolean): void {
    const { objects } = this.#cluster;
    const left = objects.filter((each) => !which(each));
    objects.splice(0, objects.length, ...left);
  }
}

function isPodOf({ kind, metadata }: KubeObject, service: string, namespace: string): boolean {
  return (
    kind === 'Pod' &&
    metadata.namespace === namespace &&
    metadata.labels?.['app.kubernetes.io/component'] === service
  );
}

function after(args: readonly string[], option: string): string {
  return args[args.indexOf(option) + 1] ?? '';
}
