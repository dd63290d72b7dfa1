import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { parseDockerfile } from '../../scripts/image/dockerfile.ts';
import { portOf as localPortOf, programs } from '../../services/local/plan.ts';
import { root } from '../support/root.ts';
import { find, ofKind, podsOf, render, type KubeObject } from '../support/render.ts';
import { faultsOf } from './schemas.ts';

interface Patch {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

interface Forward {
  readonly namespace?: string;
  readonly resourceType: string;
  readonly resourceName: string;
  readonly port: number;
  readonly localPort: number;
  readonly address: string;
}

// oxlint-disable-next-line typescript/no-explicit-any -- its schema is checked below
type Config = any;

const text = readFileSync(join(root, 'skaffold.yaml'), 'utf8');
const config: Config = parse(text);
const profiles: { name: string; patches?: Patch[] }[] = config.profiles;
const names = ['', ...profiles.map(({ name }) => name)];

/** The configuration with a profile applied, as Skaffold does it. */
function withProfile(name: string): Config {
  const changed: Config = parse(text);
  const { patches = [] } = profiles.find((each) => each.name === name) ?? {};
  for (const { op, path, value } of patches) {
    const keys = path.split('/').slice(1);
    const last = keys.pop() ?? '';
    const parent = keys.reduce((each: Config, key) => each[key], changed);
    expect(op === 'add' ? parent : parent[last]).toBeDefined();
    if (last === '-') parent.push(value);
    else if (op === 'remove') delete parent[last];
    else parent[last] = value;
  }
  return changed;
}

/** What Helm makes of the release of a profile. */
function renderProfile(name: string): Promise<KubeObject[]> {
  const [release] = withProfile(name).deploy.helm.releases;
  const values: Record<string, Record<string, unknown>> = {
    image: { repository: 'example.com/tradewind', tag: `v1@sha256:${'0'.repeat(64)}` },
  };
  for (const [path, value] of Object.entries(release.setValues as object)) {
    const [section = '', key = ''] = path.split('.');
    values[section] = { ...values[section], [key]: value };
  }
  const files = release.valuesFiles.map((file: string) => join(root, file));
  return render({ release: release.name, files, values });
}

const schemaFile = join(root, '../shared/skaffold-schema/v4beta14.json');
const known = existsSync(schemaFile);
if (!known)
  process.stderr.write(
    'SKIPPED: no schema of Skaffold at ../shared/skaffold-schema to hold skaffold.yaml against\n',
  );

(known ? describe : describe.skip)('the schema of Skaffold', () => {
  const schema = known ? (JSON.parse(readFileSync(schemaFile, 'utf8')) as object) : {};
  const validate = new Ajv({ strict: false }).compile(schema);

  it.each(names)('accepts skaffold.yaml with profile "%s"', (name) => {
    expect([validate(withProfile(name)), validate.errors]).toEqual([true, null]);
  });

  it('refuses a field that it does not know', () => {
    expect(validate({ ...config, bild: {} })).toBe(false);
  });
});

function portOf(spec: { ports: { name: string; port: number }[] }, name: string): number | undefined {
  return spec.ports.find((each) => each.name === name)?.port;
}

describe('skaffold.yaml', () => {
  it.each(names)(
    'with profile "%s" deploys what the API servers accept, with the image it built',
    async (name) => {
      const objects = await renderProfile(name);
      expect((await Promise.all(objects.map(faultsOf))).flat()).toEqual([]);
      for (const { spec } of podsOf(objects))
        expect(spec.containers[0].image).toBe(`example.com/tradewind:v1@sha256:${'0'.repeat(64)}`);
    },
  );

  it.each(names)(
    'with profile "%s" forwards ports of what is there, each once, to this machine alone',
    async (name) => {
      const objects = await renderProfile(name);
      const forwards: Forward[] = withProfile(name).portForward;
      const [broker, ...others] = forwards;
      expect(broker).toMatchObject({ port: 80, localPort: 8081 });
      for (const { resourceType, resourceName, port } of others) {
        const kind = resourceType === 'service' ? 'Service' : 'Deployment';
        const { spec } = find(objects, kind, resourceName);
        // Events are curled straight to a service as well, and port 80 takes everything.
        expect(kind === 'Service' ? portOf(spec, 'http-events') : 9229).toBe(port);
      }
      expect(forwards.filter(({ address }) => address !== '127.0.0.1')).toEqual([]);
      expect(new Set(forwards.map(({ localPort }) => localPort)).size).toBe(forwards.length);
    },
  );

  it('forwards the ports that npm start has', () => {
    const forwards = new Map(
      (config.portForward as Forward[]).map(({ resourceName, localPort }) => [resourceName, localPort]),
    );
    const local = programs().map((name) => [
      name === 'broker' ? 'broker-ingress' : `shop-${name}`,
      localPortOf(name, { portBase: 8080 }),
    ]);
    expect(Object.fromEntries(forwards)).toEqual(Object.fromEntries(local));
  });

  it.each([
    ['', 'broker-ingress', 'knative-eventing'],
    ['kafka', 'kafka-broker-ingress', 'knative-eventing'],
    // One of its own for every Broker.
    ['rabbitmq', 'shop-broker-ingress', undefined],
  ])('with profile "%s" takes curl’s events at %s', (profile, resourceName, namespace) => {
    const [broker] = withProfile(profile).portForward as Forward[];
    expect([broker?.resourceName, broker?.namespace]).toEqual([resourceName, namespace]);
  });

  it('tests the decisions and the vocabulary, and looks at the files that those depend on', () => {
    const [{ custom }] = config.test;
    const [{ command, dependencies }] = custom;
    const { stdout } = spawnSync('sh', ['-c', command.replace('npm test -- ', 'npm test -- --listTests ')], {
      cwd: root,
      encoding: 'utf8',
    });
    const listed = stdout.split('\n').filter((line) => line.endsWith('.test.ts'));
    const tests = globSync(['test/events/*.test.ts', 'test/services/**/*decide.test.ts'], { cwd: root });
    expect(listed.map((path) => relative(root, path)).toSorted()).toEqual(tests.toSorted());
    for (const path of dependencies.paths)
      expect([path, globSync(path, { cwd: root }).length > 0]).toEqual([path, true]);
  });

  it('verifies what it deploys, with the token that it deploys', async () => {
    const objects = await renderProfile('');
    const { container } = config.verify[0];
    const env = new Map<string, string>(
      container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    const test = find(objects, 'Pod', 'shop-test-shipped');
    for (const { name, value } of test['spec'].containers[0].env as { name: string; value: string }[]) {
      if (!name.endsWith('_URL')) continue;
      const { hostname, port } = new URL(value);
      expect(env.get(name)).toBe(value);
      expect(portOf(find(objects, 'Service', hostname)['spec'], 'http')).toBe(Number(port));
    }
    expect(env.get('STAFF_TOKEN')).toBe(
      find(objects, 'Secret', 'shop-development')['stringData']['staff-token'],
    );
    // Skaffold's makes all checks, the Pods of helm test one each.
    expect([...container.command, 'shipped']).toEqual(test['spec'].containers[0].command);
    const job: Config = parse(readFileSync(join(root, 'skaffold/verify-job.yaml'), 'utf8'));
    const { podSelector } = find(objects, 'NetworkPolicy', 'shop-test')['spec'];
    expect(job.spec.template.metadata.labels).toEqual(podSelector.matchLabels);
  });

  it('copies every room of the sources into the dev image, where they may be written', async () => {
    const [artifact] = withProfile('dev').build.artifacts;
    const stages = parseDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
    const linesOf = (stage: string) => stages.find(({ name }) => name === stage)?.instructions;
    const copied = { name: 'COPY', text: '--from=sources --chown=65532:65532 /app ./' };
    expect(linesOf(artifact.docker.target)).toContainEqual(copied);
    for (const { src, dest } of artifact.sync.manual) {
      const room = src.replace('/**/*', '');
      expect(linesOf('sources')).toContainEqual({ name: 'COPY', text: `${room} ${room}` });
      expect(dest).toBe('/app');
    }
    for (const { spec } of ofKind(await renderProfile('dev'), 'Deployment'))
      expect(spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem).toBe(false);
  });

  it('has a debugger’s port for every service that the editor attaches to', () => {
    const { configurations }: Config = JSON.parse(readFileSync(join(root, '.vscode/launch.json'), 'utf8'));
    const forwards: Forward[] = withProfile('debug').portForward;
    expect(configurations.map(({ port }: { port: number }) => port)).toEqual(
      forwards.filter(({ port }) => port === 9229).map(({ localPort }) => localPort),
    );
  });
});

describe('the preflight', () => {
  it.each([
    [
      'how to get Knative where there is none',
      '',
      0,
      /has no eventing\.knative\.dev, .* Install it: sh scripts\/knative\.sh install/,
    ],
    ['that nothing answers where nothing does', '', 1, /cannot be reached: kubectl cluster-info/],
    ['nothing where it is there, whatever else is broken', 'brokers.eventing.knative.dev', 0, /^$/],
  ])('says %s', (_what, kinds, version, words) => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-kubectl-'));
    const lines = [
      '#!/bin/sh',
      `case "$*" in *"get --raw /version"*) exit ${version} ;; esac`,
      `echo "${kinds}"`,
      // As where an aggregated API does not answer.
      'exit 1',
    ];
    writeFileSync(join(folder, 'kubectl'), lines.join('\n'), { mode: 0o755 });
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    const options = { env, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync('sh', [join(root, 'scripts/knative.sh'), 'check'], options);
    rmSync(folder, { recursive: true });
    expect([status, stderr]).toEqual([kinds ? 0 : 1, expect.stringMatching(words)]);
  });

  it('looks and waits where Skaffold deploys to', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tradewind-kubectl-'));
    const log = join(folder, 'log');
    const lines = [
      '#!/bin/sh',
      `echo "$*" >> ${log}`,
      'case "$*" in *"get "*" market "*) echo broker/shop ;; *api-resources*) echo brokers ;; esac',
    ];
    writeFileSync(join(folder, 'kubectl'), lines.join('\n'), { mode: 0o755 });
    const run = (command: string, namespaces: string) =>
      spawnSync('sh', [join(root, 'scripts/knative.sh'), command], {
        env: {
          PATH: `${folder}:/usr/bin:/bin`,
          SKAFFOLD_KUBE_CONTEXT: 'kind-shop',
          SKAFFOLD_NAMESPACES: namespaces,
        },
        encoding: 'utf8',
      });
    expect([run('check', '').status, run('wait', 'default,market').status]).toEqual([0, 0]);
    const said = readFileSync(log, 'utf8').trim().split('\n');
    expect(said.filter((line) => !line.startsWith('--context kind-shop '))).toEqual([]);
    expect(said.at(-1)).toMatch(/ wait --for=condition=Ready .*--namespace market /);
    expect(run('wait', 'default')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('default') as unknown,
    });
    rmSync(folder, { recursive: true });
  });

  it('installs the version that the chart recommends', () => {
    const [, version] = /version=(\S+)/.exec(readFileSync(join(root, 'scripts/knative.sh'), 'utf8')) ?? [];
    const chart = readFileSync(join(root, 'charts/tradewind/templates/_validate.tpl'), 'utf8');
    expect(chart).toContain(`/knative/eventing/releases/download/${version}"`);
  });
});
