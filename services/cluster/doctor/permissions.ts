import type { Examination } from './examination.ts';

type Resource = readonly [group: string, resource: string];

/** What the chart makes, and where Helm keeps its release; further kinds only where values ask for them. */
const MADE: readonly Resource[] = [
  ['apps', 'deployments'],
  ['', 'services'],
  ['', 'configmaps'],
  ['', 'secrets'],
  ['', 'serviceaccounts'],
  ['', 'persistentvolumeclaims'],
  ['networking.k8s.io', 'networkpolicies'],
  ['eventing.knative.dev', 'brokers'],
  ['eventing.knative.dev', 'triggers'],
  ['eventing.knative.dev', 'eventtypes'],
  ['sources.knative.dev', 'sinkbindings'],
  ['batch', 'jobs'],
];
/** What the Job needs that makes the Secret, unless `secrets.existingSecret` names one. */
const OF_THE_JOB: readonly Resource[] = [
  ['rbac.authorization.k8s.io', 'roles'],
  ['rbac.authorization.k8s.io', 'rolebindings'],
];
/** Helm 4 applies: what is not there yet is created by a patch as well. */
const VERBS = ['create', 'patch'];

/** Whether whoever asks may install the chart. */
export async function checkPermissions(look: Examination, namespace: string): Promise<void> {
  const [made, ofTheJob] = await Promise.all(
    [MADE, OF_THE_JOB].map((resources) => deniedOf(look, namespace, resources)),
  );
  if (!made || !ofTheJob) return;
  if (made.length === 0 && ofTheJob.length === 0) {
    look.facts.push('permissions: enough to install the chart');
    return;
  }
  const user = (await whoAsks(look)) ?? 'YOU';
  const grant = `kubectl create rolebinding tradewind-installer -n ${namespace} --clusterrole admin --user '${user}'`;
  if (made.length > 0)
    look.problem(
      `You may not create and change ${[...made, ...ofTheJob].join(', ')} in namespace ${namespace}; somebody who may has to let you.`,
      (await exists(look, namespace)) ? grant : `kubectl create namespace ${namespace} && ${grant}`,
    );
  else
    look.problem(
      `You may not create and change ${ofTheJob.join(', ')} in namespace ${namespace}, so no Job of the chart can make its Secret: make one, and name it by secrets.existingSecret.`,
      `kubectl create secret generic tradewind -n ${namespace} --from-literal=staff-token=$(openssl rand -hex 24) --from-literal=session-secret=$(openssl rand -hex 32)`,
    );
}

/** Names of the resources that may not be made; `undefined` where that may not be asked. */
async function deniedOf(
  look: Examination,
  namespace: string,
  resources: readonly Resource[],
): Promise<readonly string[] | undefined> {
  const may = await Promise.all(
    resources.map(async ([group, resource]) => {
      const answers = await Promise.all(
        VERBS.map((verb) => isAllowed(look, { namespace, verb, group, resource })),
      );
      return answers.includes(undefined) ? undefined : answers.every(Boolean);
    }),
  );
  if (may.includes(undefined)) return undefined;
  return resources.filter((_, index) => may[index] === false).map(([, resource]) => resource);
}

async function isAllowed(look: Examination, resourceAttributes: object): Promise<boolean | undefined> {
  const review = await look.review<{ allowed: boolean }>(
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    'authorization.k8s.io/v1',
    'SelfSubjectAccessReview',
    { resourceAttributes },
  );
  return review?.allowed;
}

async function whoAsks(look: Examination): Promise<string | undefined> {
  const who = await look.review<{ userInfo: { username: string } }>(
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    'authentication.k8s.io/v1',
    'SelfSubjectReview',
  );
  return who?.userInfo.username;
}

/** Whoever may not look at it is told nothing of making one. */
async function exists(look: Examination, namespace: string): Promise<boolean> {
  return (await look.get(`/api/v1/namespaces/${namespace}`)) !== undefined;
}
