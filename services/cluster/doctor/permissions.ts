import type { Examination } from './examination.ts';

/** What the chart makes; further kinds only where values ask for them. */
const MADE: readonly (readonly [group: string, resource: string])[] = [
  ['apps', 'deployments'],
  ['', 'services'],
  ['', 'configmaps'],
  ['', 'serviceaccounts'],
  ['', 'persistentvolumeclaims'],
  ['networking.k8s.io', 'networkpolicies'],
  ['eventing.knative.dev', 'brokers'],
  ['eventing.knative.dev', 'triggers'],
  ['eventing.knative.dev', 'eventtypes'],
  ['sources.knative.dev', 'sinkbindings'],
  ['batch', 'jobs'],
  ['rbac.authorization.k8s.io', 'roles'],
  ['rbac.authorization.k8s.io', 'rolebindings'],
];

/** Whether whoever asks may install the chart. */
export async function checkPermissions(look: Examination, namespace: string): Promise<void> {
  const may = await Promise.all(
    MADE.map(async ([group, resource]) => {
      const spec = { resourceAttributes: { namespace, verb: 'create', group, resource } };
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      const review = await look.review<{ allowed: boolean }>(
        path,
        'authorization.k8s.io/v1',
        'SelfSubjectAccessReview',
        spec,
      );
      return review?.allowed;
    }),
  );
  if (may.includes(undefined)) return;
  const denied = MADE.filter((_, index) => may[index] === false).map(([, resource]) => resource);
  if (denied.length === 0) {
    look.facts.push('permissions: enough to install the chart');
    return;
  }
  const who = await look.review<{ userInfo: { username: string } }>(
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    'authentication.k8s.io/v1',
    'SelfSubjectReview',
  );
  const user = who?.userInfo.username ?? 'YOU';
  look.problem(
    `You may not create ${denied.join(', ')} in namespace ${namespace}; somebody who may has to let you.`,
    `kubectl create rolebinding tradewind-installer -n ${namespace} --clusterrole admin --user '${user}'`,
  );
}
