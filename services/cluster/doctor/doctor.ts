import type { ApiServer } from '../api-server.ts';
import { Examination, type Problem, type Subject } from './examination.ts';
import { checkApis, checkControlPlane, checkNamespace, checkOidc, readFeatures } from './knative.ts';
import { checkPermissions } from './permissions.ts';
import { checkBindings, checkBroker, checkPolicies, checkTriggers, triggersOf } from './wiring.ts';
import { checkWorkloads } from './workloads.ts';

/** What a cluster has, and what is wrong with it. */
export interface Report {
  readonly facts: readonly string[];
  readonly unseen: readonly string[];
  readonly problems: readonly Problem[];
}

/** Looks at a cluster and at a release that is installed in it. @throws Error when the API server does not answer */
export async function examine(ask: ApiServer, subject: Subject): Promise<Report> {
  const look = new Examination(ask);
  await version(look);
  const hasKnative = await checkApis(look);
  await checkPermissions(look, subject.namespace);
  if (hasKnative) await checkRelease(look, subject);
  return look;
}

/** What an installation will be like. */
export interface Plan {
  /** Whether the shop will ask for tokens. */
  readonly oidc: boolean;
  /** Looked for where it is named and whoever asks may see it. */
  readonly brokerClass?: string;
  /** Where whoever asks will install it; absent where somebody else will. */
  readonly namespace?: string;
}

/** Looks at what an installation needs of the cluster, before there is one. @throws Error when the API server does not answer */
export async function examineBefore(ask: ApiServer, plan: Plan): Promise<Report> {
  const look = new Examination(ask);
  await version(look);
  const hasKnative = await checkApis(look);
  if (plan.namespace !== undefined) await checkPermissions(look, plan.namespace);
  if (hasKnative) {
    checkOidc(look, await readFeatures(look), plan.oidc);
    if (plan.brokerClass !== undefined) await checkControlPlane(look, plan.brokerClass);
    if (plan.namespace !== undefined) await checkNamespace(look, plan.namespace, plan.brokerClass ?? '');
  }
  return look;
}

async function version(look: Examination): Promise<void> {
  const found = await look.get<{ gitVersion: string }>('/version');
  if (found !== undefined && found !== 'unseen') look.facts.push(`Kubernetes ${found.gitVersion}`);
}

async function checkRelease(look: Examination, subject: Subject): Promise<void> {
  const features = await readFeatures(look);
  const triggers = await triggersOf(look, subject);
  const runs = await checkWorkloads(look, subject);
  if (!runs && triggers.length === 0) {
    const { namespace, release } = subject;
    // Whoever may not look cannot know.
    if (look.unseen.some((path) => path.includes(`/namespaces/${namespace}/`))) return;
    look.problem(
      `Release ${release} is not in namespace ${namespace}.`,
      `helm install ${release} charts/tradewind -n ${namespace} --create-namespace --wait`,
    );
    return;
  }
  checkOidc(
    look,
    features,
    triggers.some(({ spec }) => spec?.subscriber?.audience !== undefined),
  );
  const [broker] = triggers.flatMap(({ spec }) => spec?.broker ?? []);
  const brokerClass = broker === undefined ? '' : await checkBroker(look, broker, subject);
  await checkControlPlane(look, brokerClass);
  await checkNamespace(look, subject.namespace, brokerClass);
  await checkPolicies(look, features, subject);
  checkTriggers(look, triggers, subject);
  await checkBindings(look, subject);
}

/** A report for people: what was seen, and at the end a sentence and a command for each problem. */
export function draw({ facts, unseen, problems }: Report): string {
  const hidden = unseen.map((path) => `may not be seen: ${path}`);
  const told = problems.map(({ problem, command }) => `\n${problem}\n  ${command}`);
  const verdict = problems.length === 0 ? ['', 'Nothing is wrong.'] : told;
  return `${[...facts, ...hidden, ...verdict].join('\n')}\n`;
}
