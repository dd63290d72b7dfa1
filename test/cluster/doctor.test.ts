import { describe, expect, it } from '@jest/globals';
import { examine } from '../../services/cluster/doctor/doctor.ts';
import {
  all,
  change,
  features,
  healthy,
  namespace,
  notReady,
  pod,
  policy,
  without,
  type Break,
} from './clusters.ts';
import { askOf } from '../support/api-server.ts';

const subject = { namespace: 'market', release: 'shop' };

describe('the doctor', () => {
  it('finds nothing wrong with the chart on a stock Knative', async () => {
    const { facts, unseen, problems } = await askOf(await healthy(), (ask) => examine(ask, subject));
    expect([unseen, problems]).toEqual([[], []]);
    expect(facts).toEqual([
      'Kubernetes v1.36.0',
      'eventing.knative.dev/v1: Broker, Trigger',
      'eventing.knative.dev/v1beta3: EventType',
      'sources.knative.dev/v1: SinkBinding',
      'permissions: enough to install the chart',
      'features: new-trigger-filters enabled',
      'Deployments: 5',
      'Broker shop: class MTChannelBasedBroker, configured by the defaults of its class',
      expect.stringMatching(/^Triggers: \d\d$/),
      'SinkBindings: 5',
    ]);
  });

  it.each<[string, Break, string, string]>([
    [
      'without Knative',
      ({ kinds }) => Object.keys(kinds).forEach((each) => delete kinds[each]),
      'Knative Eventing is missing: the cluster has no eventing.knative.dev.',
      'sh scripts/knative.sh install',
    ],
    [
      'with an old Knative',
      ({ kinds }) => delete kinds['eventing.knative.dev/v1beta3'],
      'Knative Eventing is not of a version that fits: there is no EventType in eventing.knative.dev/v1beta3; it has v1.',
      'sh scripts/knative.sh install',
    ],
    [
      'whose Knative is being removed',
      change('CustomResourceDefinition', 'triggers.eventing.knative.dev', ({ metadata }) => {
        metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
      }),
      'The CRD triggers.eventing.knative.dev is being deleted, with every object of its kind.',
      'sh scripts/knative.sh install',
    ],
    [
      'whose webhook is down',
      change('Deployment', 'eventing-webhook', ({ status }) => delete status.availableReplicas),
      'eventing-webhook does not run: meanwhile no Deployment of the cluster can be made or changed.',
      'kubectl describe deployment -n knative-eventing eventing-webhook',
    ],
    [
      'without the class of the Broker',
      change('Broker', 'shop', ({ metadata }) => {
        metadata.annotations['eventing.knative.dev/broker.class'] = 'Kafka';
      }),
      'Broker class Kafka is not installed: knative-eventing has no kafka-controller, kafka-broker-receiver.',
      'kubectl apply -f https://github.com/knative-extensions/eventing-kafka-broker/releases/latest/download/eventing-kafka-controller.yaml -f https://github.com/knative-extensions/eventing-kafka-broker/releases/latest/download/eventing-kafka-broker.yaml',
    ],
    [
      'whose Broker is configured by nothing',
      change('Broker', 'shop', ({ spec }) => {
        spec.config = { kind: 'ConfigMap', name: 'kafka-broker-config', namespace: 'knative-eventing' };
      }),
      'Broker shop is configured by ConfigMap kafka-broker-config of namespace knative-eventing, which is not there.',
      'kubectl get configmaps -n knative-eventing',
    ],
    [
      'without the Broker',
      without('Broker'),
      'The Triggers of shop name Broker shop, which is not in namespace market.',
      'helm upgrade shop charts/tradewind -n market --reset-then-reuse-values --set broker.create=true --wait',
    ],
    [
      'whose Broker has no address',
      notReady('Broker', 'shop', 'NoAddress', 'Channel does not have an address'),
      'Broker shop is not ready: NoAddress, Channel does not have an address.',
      'kubectl describe broker -n market shop',
    ],
    [
      'whose Broker has no dead letter sink',
      change('Broker', 'shop', ({ spec }) => delete spec.delivery.deadLetterSink),
      'Broker shop has no dead letter sink: what it cannot deliver is lost.',
      `kubectl patch broker -n market shop --type merge -p '{"spec":{"delivery":{"deadLetterSink":{"ref":{"apiVersion":"v1","kind":"Service","name":"shop-ledger"},"uri":"/dead-letters"}}}}'`,
    ],
    [
      'with a Trigger to nobody',
      notReady(
        'Trigger',
        'shop-payment-order-placed',
        "Unable to get the Subscriber's URI",
        'services "x" not found',
      ),
      'Trigger shop-payment-order-placed is not ready: Unable to get the Subscriber\'s URI, services "x" not found.',
      'kubectl describe trigger -n market shop-payment-order-placed',
    ],
    [
      'whose Triggers wait for the Broker, which is told once',
      all(
        notReady('Broker', 'shop', 'NoAddress', ''),
        notReady('Trigger', 'shop-payment-order-placed', 'NoAddress', '', 'BrokerReady'),
        notReady('SinkBinding', 'shop-payment', 'NoAddressable', '', 'SinkProvided'),
      ),
      'Broker shop is not ready: NoAddress.',
      'kubectl describe broker -n market shop',
    ],
    [
      'that has not looked at a SinkBinding',
      change('SinkBinding', 'shop-payment', (object) => delete object.status),
      'SinkBinding shop-payment is not ready: Knative has not looked at it yet.',
      'kubectl describe sinkbinding -n market shop-payment',
    ],
    [
      'whose service does not know the Broker',
      change('Deployment', 'shop-payment', ({ spec }) => spec.template.spec.containers[0].env.pop()),
      'shop-payment does not know the Broker: its SinkBinding has not set K_SINK, so its events wait in the outbox.',
      'kubectl describe sinkbinding -n market shop-payment',
    ],
    [
      'where a service is off',
      change('Deployment', 'shop-payment', ({ spec }) => (spec.replicas = 0)),
      'shop-payment is scaled to 0: its events become dead letters.',
      'kubectl scale deployment -n market shop-payment --replicas 1',
    ],
    [
      'that refuses Pods',
      change('Deployment', 'shop-payment', ({ status }) => {
        status.availableReplicas = 0;
        status.conditions = [{ type: 'ReplicaFailure', status: 'True', message: 'violates PodSecurity' }];
      }),
      'shop-payment gets no Pod: violates PodSecurity.',
      'kubectl describe replicasets -n market',
    ],
    [
      'without room for a Pod',
      pod('payment', {
        conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }],
      }),
      'shop-payment has a Pod that does not run: 0/1 nodes are available.',
      'kubectl describe pod -n market shop-payment-x',
    ],
    [
      'without the image',
      pod('payment', {
        containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'no such tag' } } }],
      }),
      'shop-payment has a Pod that does not run: ImagePullBackOff, no such tag.',
      'kubectl describe pod -n market shop-payment-x',
    ],
    [
      'where a service ends again and again',
      pod('payment', {
        containerStatuses: [{ name: 'payment', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
      }),
      'shop-payment has a Pod that does not run: CrashLoopBackOff.',
      'kubectl logs -n market shop-payment-x -c payment --previous',
    ],
    [
      'where what comes before a service ends again and again',
      pod('payment', {
        initContainerStatuses: [{ name: 'mesh', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
        containerStatuses: [{ name: 'payment', state: { waiting: { reason: 'PodInitializing' } } }],
      }),
      'shop-payment has a Pod that does not run: CrashLoopBackOff.',
      'kubectl logs -n market shop-payment-x -c mesh --previous',
    ],
    [
      'where a service is not ready',
      pod('payment', { containerStatuses: [{ state: { running: {} } }] }),
      'shop-payment has too few Pods that are ready.',
      'kubectl logs -n market deployment/shop-payment --tail 50',
    ],
    [
      'that gives no tokens',
      change('Trigger', 'shop-payment-order-placed', ({ spec }) => (spec.subscriber.audience = 'urn:x')),
      'The shop asks for tokens (security.eventing: oidc), and Knative gives none.',
      `kubectl patch configmap config-features -n knative-eventing --type merge -p '{"data":{"authentication-oidc":"enabled"}}'`,
    ],
    [
      'with policies from another time',
      policy,
      'EventPolicy shop-ep is left over from OIDC, which is off: sooner or later every post is answered 500.',
      'kubectl delete eventpolicy -n market shop-ep',
    ],
    [
      'that lets nobody send',
      features({ 'authentication-oidc': 'enabled', 'default-authorization-mode': 'deny-all' }),
      'The cluster lets nobody send to a Broker without an EventPolicy, and there is none.',
      'helm upgrade shop charts/tradewind -n market --reset-then-reuse-values --set security.eventing=oidc --wait',
    ],
    [
      'whose user may not enough',
      all(({ denied }) => denied.push('create roles', 'patch triggers'), namespace),
      'You may not create and change triggers, roles in namespace market; somebody who may has to let you.',
      `kubectl create rolebinding tradewind-installer -n market --clusterrole admin --user 'ada@example.com'`,
    ],
    [
      'whose user may not enough, and has no namespace',
      ({ denied }) => denied.push('create secrets'),
      'You may not create and change secrets in namespace market; somebody who may has to let you.',
      `kubectl create namespace market && kubectl create rolebinding tradewind-installer -n market --clusterrole admin --user 'ada@example.com'`,
    ],
    [
      'whose user may make no roles',
      ({ denied }) => denied.push('create roles', 'create rolebindings'),
      'You may not create and change roles, rolebindings in namespace market, so no Job of the chart can make its Secret: make one, and name it by secrets.existingSecret.',
      'kubectl create secret generic tradewind -n market --from-literal=staff-token=$(openssl rand -hex 24) --from-literal=session-secret=$(openssl rand -hex 32)',
    ],
    [
      'without the shop',
      (cluster) => {
        const left = cluster.objects.filter(({ metadata }) => metadata.namespace !== 'market');
        cluster.objects.splice(0, cluster.objects.length, ...left);
      },
      'Release shop is not in namespace market.',
      'helm install shop charts/tradewind -n market --create-namespace --wait',
    ],
  ])('says what to do about a cluster %s', async (_what, damage, problem, command) => {
    const cluster = await healthy();
    damage(cluster);
    const { problems } = await askOf(cluster, (ask) => examine(ask, subject));
    expect(problems).toEqual([{ problem, command }]);
  });

  it('says what it may not see, and takes it for no problem', async () => {
    const cluster = await healthy();
    cluster.forbidden.push(/knative-eventing/, /customresourcedefinitions/);
    // Tokens and policies may well be in order.
    policy(cluster);
    change(
      'Trigger',
      'shop-payment-order-placed',
      ({ spec }) => (spec.subscriber.audience = 'urn:x'),
    )(cluster);
    const { unseen, problems } = await askOf(cluster, (ask) => examine(ask, subject));
    expect(problems).toEqual([]);
    expect(unseen).toEqual([
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/brokers.eventing.knative.dev',
      '/api/v1/namespaces/knative-eventing/configmaps/config-features',
      '/apis/apps/v1/namespaces/knative-eventing/deployments',
    ]);
  });
  it('does not take a namespace that it may not look into for empty', async () => {
    const cluster = await healthy();
    cluster.forbidden.push(/namespaces\/market/);
    const { unseen, problems } = await askOf(cluster, (ask) => examine(ask, subject));
    expect(problems).toEqual([]);
    expect(unseen).toHaveLength(3);
  });
});
