import type { ApiServer } from '../api-server.ts';

/** What is wrong, in a sentence, and the command that mends it or shows more. */
export interface Problem {
  readonly problem: string;
  readonly command: string;
}

/** What was asked for, and by whom. */
export interface Subject {
  readonly namespace: string;
  readonly release: string;
}

/** The parts of an object that are looked at; what they hold is up to its kind. */
export interface KubeObject<Spec = object, Status = object> {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: Spec;
  readonly status?: Status & { readonly conditions?: readonly Condition[] };
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** A look at a cluster: gathers what was seen, what may not be seen, and what is wrong. */
export class Examination {
  readonly facts: string[] = [];
  /** What the API server does not let whoever asks see. */
  readonly unseen: string[] = [];
  readonly problems: Problem[] = [];
  readonly #ask: ApiServer;

  constructor(ask: ApiServer) {
    this.#ask = ask;
  }

  /**
   * What is at a path; `undefined` where there is nothing.
   * @returns 'unseen' where it may not be seen, which is no problem by itself
   * @throws Error when the API server does not answer, or not as it should
   */
  async get<T>(path: string): Promise<T | undefined | 'unseen'> {
    const { status, body } = await this.#ask(path);
    if (status === 200 && typeof body === 'object') return body as T;
    if (status === 404) return undefined;
    if (status === 401) throw new Error('the API server does not know you (401): log in again');
    if (status !== 403) throw new Error(strange('GET', path, status));
    this.#hide(path);
    return 'unseen';
  }

  /** The objects of a list, those of a release alone where one is named; none where they may not be seen. */
  async list<T extends KubeObject>(path: string, release?: string): Promise<readonly T[]> {
    const selector = release === undefined ? '' : `?labelSelector=app.kubernetes.io/instance=${release}`;
    const list = await this.get<{ items: readonly T[] }>(`${path}${selector}`);
    return list === undefined || list === 'unseen' ? [] : list.items;
  }

  /**
   * Has something worked out that is stored nowhere, such as what one may do; `undefined` where that may not be asked.
   * @throws Error when the API server does not answer, or not as it should
   */
  async review<Status>(
    path: string,
    apiVersion: string,
    kind: string,
    spec?: object,
  ): Promise<Status | undefined> {
    const { status, body } = await this.#ask(path, { apiVersion, kind, ...(spec ? { spec } : {}) });
    if (status < 300 && typeof body === 'object') return (body as { status: Status }).status;
    if (status !== 403 && status !== 404) throw new Error(strange('POST', path, status));
    this.#hide(path);
    return undefined;
  }

  #hide(path: string): void {
    if (!this.unseen.includes(path)) this.unseen.push(path);
  }

  problem(problem: string, command: string): void {
    this.problems.push({ problem, command });
  }
}

function strange(method: string, path: string, status: number): string {
  const what = status < 300 ? 'something else than JSON' : `${status}`;
  return `the API server answers ${what} to ${method} ${path}`;
}

/** Why an object is not ready, in words; `undefined` when it is. */
export function whyNotReady({ status }: KubeObject): string | undefined {
  const conditions = status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!ready) return 'Knative has not looked at it yet';
  if (ready.status === 'True') return undefined;
  const { reason = 'no reason given', message = '' } = ready;
  return message === '' ? reason : `${reason}, ${message}`;
}
