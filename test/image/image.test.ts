import { chmodSync, existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBroker, type RunningBroker } from '../../platform/broker/broker.ts';
import { brokerSettings } from '../../platform/broker/settings.ts';
import { readConfig } from '../../platform/config.ts';
import { parseDockerfile } from '../../scripts/image/dockerfile.ts';
import { buildLayout, type Layout } from '../../scripts/image/layout.ts';
import { dataFolder, runInLayout, startInLayout, type Started } from '../../scripts/image/start.ts';
import { services } from '../../services/index.ts';
import { Customer } from '../support/customer.ts';
import { root } from '../support/root.ts';
import { call, STAFF_TOKEN } from '../support/service.ts';
import { shipmentIdOf } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('the image, as the Dockerfile lays it out', () => {
  let layout: Layout;
  beforeAll(() => {
    layout = buildLayout(root, 'runtime');
    for (const entry of readdirSync(layout.app, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) chmodSync(join(entry.parentPath, entry.name), 0o444);
  }, 180_000);
  afterAll(() => layout.remove());
  const there = (paths: string[]): string[] => paths.filter((path) => existsSync(join(layout.app, path)));

  it('has what services run on, and nothing else', () => {
    const needed = ['services/main.ts', 'node_modules/stripe/LICENSE', 'compile-cache'];
    expect(there(needed)).toEqual(needed);
    expect(
      there([
        'node_modules/typescript',
        'node_modules/zod/index.d.ts',
        'node_modules/pdf-lib/dist',
        'platform/broker',
        'services/local.ts',
        'test',
        'k8s',
        'scripts',
        '.npmrc',
      ]),
    ).toEqual([]);
  });

  describe('as a shop', () => {
    const running = new Map<string, Started>();
    const data = dataFolder();
    let broker: RunningBroker;
    const urlOf = (name: string): string => running.get(name)?.url ?? '';
    beforeAll(async () => {
      const env = {
        PORT: '0',
        DATA_DIR: data,
        MANIFESTS: join(root, 'k8s'),
        LOG_LEVEL: 'silent',
        STAFF_TOKEN,
      };
      broker = await startBroker(readConfig(brokerSettings, env), {
        resolve: (name) => running.get(name)?.url,
      });
      for (const { name } of services) {
        const K_SINK = `${broker.url}/default/shop`;
        running.set(name, await startInLayout(layout, name, { DATA_DIR: data, STAFF_TOKEN, K_SINK }));
      }
    });
    afterAll(async () => {
      const codes = await Promise.all([...running.values()].map((service) => service.stop()));
      await broker.close();
      rmSync(data, { recursive: true });
      expect(codes).toEqual(codes.map(() => 0));
    });

    it('carries out orders, and has the program that verifies it', async () => {
      const urls = services.map(({ name }) => [`${name.toUpperCase()}_URL`, urlOf(name)]);
      expect(await run(layout, ['services/cluster/verify.ts'], Object.fromEntries(urls))).toEqual([
        0,
        expect.stringContaining('shipped and paid'),
      ]);
    });

    it('has the command that asks the ledger', async () => {
      const ask = (...args: string[]) =>
        run(layout, ['services/ledger/cli/main.ts', '--url', urlOf('ledger'), ...args]);
      const id = await new Customer(urlOf).place();
      await until('the story is kept', async () => (await ask('tree', id))[1].includes('order.placed'));
      expect(await ask('dead-letters')).toEqual([0, expect.any(String)]);
    });

    it('prints labels: their fonts are there', async () => {
      const ada = new Customer(urlOf);
      const id = await ada.place();
      await ada.waitFor(id, 'confirmed');
      const path = `/api/shipments/${shipmentIdOf(id)}/label.pdf`;
      const { status, body } = await call(urlOf('shipping'), 'GET', path, { staff: true });
      expect([status, String(body).slice(0, 5)]).toEqual([200, '%PDF-']);
    });
  });
});

/** Runs a program as a Pod would. @returns its exit code, and all that it said */
async function run(
  layout: Layout,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<[number | null, string]> {
  const child = runInLayout(layout, args, { STAFF_TOKEN, ...env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  await once(child, 'close');
  return [child.exitCode, said];
}

describe('the Dockerfile', () => {
  const stages = parseDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
  const stage = (name: string) => stages.find((each) => each.name === name);
  const lines = (name: string): string[] =>
    stage(name)?.instructions.map((each) => `${each.name} ${each.text}`) ?? [];

  it.each([['dev'], ['runtime']])(
    '%s: an unprivileged user, plain node, the service as its argument',
    (name) => {
      expect(lines(name)).toContain('USER 65532:65532');
      expect(lines(name)).toContainEqual(
        expect.stringMatching(/^ENTRYPOINT \["node", .*"services\/main.ts"\]$/),
      );
      expect(lines(name)).toContain('CMD ["storefront"]');
    },
  );

  it('ends in the runtime, which needs no shell and no health check of its own', () => {
    expect(stages.at(-1)?.name).toBe('runtime');
    expect(lines('runtime').filter((line) => /^(?:RUN|HEALTHCHECK|ADD)/.test(line))).toEqual([]);
  });

  it('copies by name, never everything', () => {
    const copies = stages.flatMap(({ name }) => lines(name)).filter((line) => line.startsWith('COPY'));
    expect(copies.filter((line) => /\s\.\s/.test(line))).toEqual([]);
  });

  it('lets the sources be written in dev, where files are synchronised', () => {
    expect(lines('dev')).toContain('COPY --from=sources --chown=65532:65532 /app ./');
  });

  it('is of the version that the package has, and says so in its last layer', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(lines('runtime')).toContain(`ARG VERSION=${version}`);
    expect(lines('runtime').at(-1)).toMatch(/^LABEL org\.opencontainers\.image\.title="Tradewind" /);
  });

  it('is the same for every platform: no package that runs is bound to one', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; os?: string[]; cpu?: string[] }>;
    };
    const running = Object.entries(packages).filter(([, { dev }]) => dev !== true);
    expect(running.length).toBeGreaterThan(100);
    expect(running.filter(([, { os, cpu }]) => os ?? cpu).map(([name]) => name)).toEqual([]);
  });

  it('names an owner in every copy from a stage: builders differ in whom they take', () => {
    const copies = ['dev', 'runtime'].flatMap(lines).filter((line) => line.startsWith('COPY'));
    expect(copies.filter((line) => !/--chown=\d+:\d+ /.test(line))).toEqual([]);
  });
});
