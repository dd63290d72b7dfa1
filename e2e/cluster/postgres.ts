import { randomBytes } from 'node:crypto';
import { SERVICES } from '../stage.ts';
import type { Tools } from './tools.ts';
import { DATABASES } from './values.ts';

const NAME = 'postgres';
const PORT = 5432;
/** User of the official image. */
const USER = 70;

/** Makes the Secret with the connection strings from a file of `service=postgres://…` lines. */
export async function giveDatabases(tools: Tools, file: string): Promise<void> {
  await tools.kubectl(['create', 'secret', 'generic', DATABASES, `--from-env-file=${file}`]);
}

/** Starts a PostgreSQL in the namespace, which goes with it, and makes the Secret that leads the services to it. */
export async function startPostgres(tools: Tools, image: string, patienceMs: number): Promise<void> {
  const items = postgresObjects(image, randomBytes(24).toString('hex'));
  await tools.kubectl(
    ['create', '--filename', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );
  const timeout = `--timeout=${Math.ceil(patienceMs / 1000)}s`;
  await tools.kubectl(['rollout', 'status', `deployment/${NAME}`, timeout]);
}

/** A Deployment as restricted as the shop's own, its Service, and the connection strings: a schema for each service. */
export function postgresObjects(image: string, password: string): readonly object[] {
  const labels = { 'app.kubernetes.io/name': NAME };
  // The certificate would be nobody's: the way is a namespace's own network.
  const url = `postgres://tradewind:${password}@${NAME}:${PORT}/tradewind?sslmode=disable`;
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: DATABASES },
      stringData: { ...Object.fromEntries(SERVICES.map((name) => [name, url])), [NAME]: password },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME },
      spec: { selector: labels, ports: [{ name: NAME, port: PORT, targetPort: PORT }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME },
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec(image) },
      },
    },
  ];
}

function podSpec(image: string): object {
  const folders = { data: '/data', run: '/var/run/postgresql', tmp: '/tmp' };
  const env = { POSTGRES_USER: 'tradewind', POSTGRES_DB: 'tradewind', PGDATA: '/data/postgres' };
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: NAME,
        image,
        // Ten connections per service, Pod and schema, with room for rollouts.
        args: ['-c', 'max_connections=300'],
        env: [
          ...Object.entries(env).map(([name, value]) => ({ name, value })),
          { name: 'POSTGRES_PASSWORD', valueFrom: { secretKeyRef: { name: DATABASES, key: NAME } } },
        ],
        ports: [{ containerPort: PORT }],
        readinessProbe: {
          exec: { command: ['pg_isready', '--host=127.0.0.1', '--username=tradewind'] },
          periodSeconds: 1,
          timeoutSeconds: 5,
        },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: Object.entries(folders).map(([name, mountPath]) => ({ name, mountPath })),
      },
    ],
    volumes: Object.keys(folders).map((name) => ({ name, emptyDir: {} })),
  };
}
