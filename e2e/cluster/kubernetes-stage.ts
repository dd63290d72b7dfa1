import type { ApiServer } from '../../services/cluster/api-server.ts';
import { RemoteShop } from '../../services/cluster/shop.ts';
import { SERVICES, type Stage } from '../stage.ts';
import { Forward } from './forward.ts';
import { RELEASE, type Installation } from './installation.ts';
import { knativeObjects } from './leftovers.ts';
import { podsOf, type Pods } from './pods.ts';
import type { Tools } from './tools.ts';

/** Longest wait for one answer: above it a forwarded connection is taken for dead. */
const ANSWER_MS = 15_000;

export interface KubernetesOptions {
  readonly ask: ApiServer;
  readonly tools: Tools;
  readonly installation: Installation;
  readonly brokerClass: string;
  readonly storage: 'sqlite' | 'postgres';
  /** Longest wait for one thing. */
  readonly patienceMs: number;
}

/** A shop that the chart has installed. */
export class KubernetesStage implements Stage, AsyncDisposable {
  readonly shop: RemoteShop;
  readonly triggerPrefix = `${RELEASE}-`;
  readonly #options: KubernetesOptions;
  readonly #forwards: ReadonlyMap<string, Forward>;

  private constructor(
    options: KubernetesOptions,
    forwards: ReadonlyMap<string, Forward>,
    staffToken: string,
  ) {
    this.#options = options;
    this.#forwards = forwards;
    const urls = Object.fromEntries([...forwards].map(([name, { url }]) => [name, url]));
    const { patienceMs } = options;
    this.shop = new RemoteShop({ urls, staffToken, patienceMs, answerMs: Math.min(ANSWER_MS, patienceMs) });
  }

  /** Reaches a shop that is installed. @throws Error when its Secret may not be read */
  static async open(options: KubernetesOptions): Promise<KubernetesStage> {
    const staffToken = await staffTokenOf(options);
    const forwards = SERVICES.map(async (name): Promise<[string, Forward]> => {
      const pick = async (): Promise<string> => {
        const [pod] = (await servicePods(options, name)).ready;
        if (pod === undefined) throw new Error(`${name} has no Pod that is ready`);
        return pod;
      };
      return [name, await Forward.open(options.tools, pick)];
    });
    return new KubernetesStage(options, new Map(await Promise.all(forwards)), staffToken);
  }

  get brokerClass(): string {
    return this.#options.brokerClass;
  }

  get storage(): 'sqlite' | 'postgres' {
    return this.#options.storage;
  }

  async scale(service: string, replicas: number): Promise<void> {
    await this.#options.tools.kubectl([
      'scale',
      `deployment/${RELEASE}-${service}`,
      `--replicas=${replicas}`,
    ]);
    await this.#settled(service, replicas);
  }

  async replace(service: string): Promise<void> {
    const { ready } = await this.#pods(service);
    const [pod] = ready;
    if (pod === undefined) throw new Error(`${service} has no Pod that is ready`);
    await this.#options.tools.kubectl(['delete', 'pod', pod, '--wait=false']);
    await this.shop.wait(`another Pod of ${service} is ready in the place of ${pod}`, async () => {
      const now = await this.#pods(service);
      return !now.ready.includes(pod) && now.ready.length === ready.length ? true : undefined;
    });
  }

  async upgrade(): Promise<void> {
    await this.#options.installation.upgrade();
  }

  async metrics(service: string): Promise<readonly string[]> {
    const { ready } = await this.#pods(service);
    const pages = ready.map(async (pod) => {
      await using forward = await Forward.open(this.#options.tools, async () => pod);
      return this.shop.wait(`${pod} shows its metrics`, async () => {
        const response = await fetch(`${forward.url}/metrics`, {
          signal: AbortSignal.timeout(ANSWER_MS),
        }).catch(() => undefined);
        return response?.ok ? response.text().catch(() => undefined) : undefined;
      });
    });
    return Promise.all(pages);
  }

  async run(service: string, program: string, input: unknown): Promise<string> {
    const [pod] = (await this.#pods(service)).ready;
    if (pod === undefined) throw new Error(`${service} has no Pod that is ready`);
    const node = ['node', '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
    const args = ['exec', '--stdin', pod, '--container', service, '--', ...node];
    return this.#options.tools.kubectl(args, JSON.stringify(input));
  }

  /** The ledger's open dead letters, asked once. */
  async letters(): Promise<unknown> {
    const token = await staffTokenOf(this.#options);
    const response = await fetch(`${this.shop.urlOf('ledger')}/api/dead-letters?limit=100`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return response.json();
  }

  selfTest(): Promise<string> {
    return this.#options.installation.test();
  }

  async uninstall(): Promise<readonly string[]> {
    const { ask, tools, installation } = this.#options;
    await installation.uninstall();
    await this.#leave();
    let left: readonly string[] = [];
    await this.shop
      .wait('nothing is left', async () => {
        const { namespace } = tools.place;
        const { all } = await podsOf(ask, namespace, { instance: RELEASE });
        left = [...(await knativeObjects(ask, namespace)), ...all.map((pod) => `Pod/${pod}`)];
        return left.length === 0 ? true : undefined;
      })
      .catch(() => undefined);
    return left;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#leave();
  }

  async #leave(): Promise<void> {
    await Promise.all([...this.#forwards.values()].map((forward) => forward[Symbol.asyncDispose]()));
  }

  /** Every Pod is ready, and none is left of those before. */
  async #settled(service: string, replicas: number): Promise<void> {
    let seen = '';
    await this.shop
      .wait(`${service} has ${replicas} Pods`, async () => {
        const { ready, all } = await this.#pods(service);
        seen = `${all.length} Pods, of which ${ready.length} are ready`;
        return ready.length === replicas && all.length === replicas ? true : undefined;
      })
      .catch((error: Error) => {
        throw new Error(`${error.message}; it has ${seen}`);
      });
  }

  #pods(service: string): Promise<Pods> {
    return servicePods(this.#options, service);
  }
}

function servicePods({ ask, tools }: KubernetesOptions, service: string): Promise<Pods> {
  return podsOf(ask, tools.place.namespace, { instance: RELEASE, component: service });
}

async function staffTokenOf({ ask, tools }: KubernetesOptions): Promise<string> {
  const name = `${RELEASE}-secrets`;
  const { status, body } = await ask(`/api/v1/namespaces/${tools.place.namespace}/secrets/${name}`);
  const token = (body as { data?: Record<string, string> }).data?.['staff-token'];
  if (status !== 200 || token === undefined)
    throw new Error(`the API server answers ${status} to GET Secret ${name}, which has the staff token`);
  return Buffer.from(token, 'base64').toString();
}
