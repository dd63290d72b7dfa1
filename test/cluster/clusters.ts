import { find, render, type KubeObject } from '../support/render.ts';
import type { TestCluster } from '../support/api-server.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- breaks objects of every kind
type Broken = any;
/** Damage done to a cluster. */
export type Break = (cluster: TestCluster) => void;

const ready = [{ type: 'Ready', status: 'True' }];
const KNATIVE = 'knative-eventing';
let rendered: KubeObject[] | undefined;

/** What the chart makes, as it is in a cluster where all is well, and what Knative has there. */
export async function healthy(): Promise<TestCluster> {
  rendered ??= await render();
  const objects = structuredClone(rendered).map((object): KubeObject => {
    const { kind, spec, metadata } = object;
    if (kind === 'Deployment')
      spec.template.spec.containers[0].env.push({ name: 'K_SINK', value: 'http://broker' });
    const status = kind === 'Deployment' ? { availableReplicas: spec.replicas } : { conditions: ready };
    return { ...object, metadata: { ...metadata, namespace: 'market' }, status };
  });
  const own = [
    'eventing-controller',
    'eventing-webhook',
    'mt-broker-controller',
    'mt-broker-ingress',
    'mt-broker-filter',
  ].map((name) => knative('apps/v1', 'Deployment', name, { status: { availableReplicas: 1 } }));
  const crds = ['brokers', 'triggers', 'eventtypes'].map((name) => `${name}.eventing.knative.dev`);
  return {
    kinds: {
      'eventing.knative.dev/v1': ['Broker', 'Trigger'],
      'eventing.knative.dev/v1beta3': ['EventType'],
      'sources.knative.dev/v1': ['SinkBinding'],
    },
    objects: [
      ...objects,
      ...own,
      knative('v1', 'ConfigMap', 'config-features', {
        data: { _example: '…', 'new-trigger-filters': 'enabled' },
      }),
      ...[...crds, 'sinkbindings.sources.knative.dev'].map((name) => ({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name },
      })),
    ],
    forbidden: [],
    denied: [],
  };
}

function knative(apiVersion: string, kind: string, name: string, more: object): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace: KNATIVE }, ...more };
}

/** Changes one object of a cluster. */
export function change(kind: string, name: string, how: (object: Broken) => void): Break {
  return ({ objects }) => how(find(objects, kind, name));
}

export function without(kind: string, name?: string): Break {
  return ({ objects }) => {
    const left = objects.filter(
      (each) => each.kind !== kind || (name !== undefined && each.metadata.name !== name),
    );
    objects.splice(0, objects.length, ...left);
  };
}

export function notReady(kind: string, name: string, reason: string, message: string, cause?: string): Break {
  return change(kind, name, (object) => {
    const state = { status: 'False', reason, message };
    object.status.conditions = [{ type: 'Ready', ...state }, ...(cause ? [{ type: cause, ...state }] : [])];
  });
}

export function pod(part: string, status: object): Break {
  return (cluster) => {
    const labels = { 'app.kubernetes.io/instance': 'shop', 'app.kubernetes.io/component': part };
    const metadata = { name: `shop-${part}-x`, namespace: 'market', labels };
    cluster.objects.push({ apiVersion: 'v1', kind: 'Pod', metadata, status });
    change('Deployment', `shop-${part}`, (object) => (object.status.availableReplicas = 0))(cluster);
  };
}

/** The namespace of the shop. */
export const namespace: Break = ({ objects }) => {
  objects.push({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'market' } });
};

/** An EventPolicy of the namespace's. */
export const policy: Break = ({ objects }) => {
  const metadata = { name: 'shop-ep', namespace: 'market' };
  objects.push({ apiVersion: 'eventing.knative.dev/v1alpha1', kind: 'EventPolicy', metadata });
};

export function features(data: Record<string, string>): Break {
  return change('ConfigMap', 'config-features', (map) => (map.data = data));
}

export const all =
  (...breaks: Break[]): Break =>
  (cluster) =>
    breaks.forEach((each) => each(cluster));
