import { randomUUID } from 'node:crypto';
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBroker, type RunningBroker } from '../../platform/broker/broker.ts';
import { brokerSettings } from '../../platform/broker/settings.ts';
import { readConfig } from '../../platform/config.ts';
import { buildImage, type BuiltImage } from '../../scripts/image/container/build.ts';
import { mountFiles, startContainer, type Container, type Files } from '../../scripts/image/container/run.ts';
import { services } from '../../services/index.ts';
import { copyContext, describeContainers, statusOf } from '../support/containers.ts';
import { freePortBase } from '../support/ports.ts';
import { root } from '../support/root.ts';
import { STAFF_TOKEN } from '../support/service.ts';

const names = services.map(({ name }) => name);

describeContainers('the image, built and run', () => {
  let context: string;
  let image: BuiltImage;
  let files: Files;
  beforeAll(() => {
    context = copyContext();
    // As a checkout is with a umask of 077.
    for (const room of ['events', 'platform', 'services'])
      for (const { parentPath, name } of readdirSync(join(context, room), {
        recursive: true,
        withFileTypes: true,
      }))
        chmodSync(join(parentPath, name), 0o700);
    image = buildImage(context, 'runtime', { tag: 'test' });
    files = mountFiles(image);
  }, 300_000);
  afterAll(() => {
    files.remove();
    rmSync(context, { recursive: true });
  });

  it('says what it is', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(image.config).toMatchObject({
      User: '65532:65532',
      Entrypoint: expect.arrayContaining(['services/main.ts']) as unknown,
      Labels: {
        'org.opencontainers.image.title': 'Tradewind',
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.version': version,
      },
    });
  });

  /** What a program says that runs in it, where its files could be written. */
  async function evaluate(program: string): Promise<string> {
    const entrypoint = ['node', '-e', program];
    const container = await startContainer(files, { entrypoint, args: [], readOnly: false });
    await container.exited;
    await container.remove();
    return container.log();
  }

  it('belongs to root: not even in a container that can be written does its user change it', async () => {
    const program = `const fs = require('node:fs');
      const all = fs.readdirSync('/app', { recursive: true, encoding: 'utf8' }).map((name) => '/app/' + name);
      const can = (path, mode) => { try { fs.accessSync(path, mode); return true; } catch { return false; } };
      console.log(JSON.stringify({
        writable: ['/app', ...all].filter((path) => can(path, fs.constants.W_OK)),
        unreadable: all.filter((path) => !can(path, fs.constants.R_OK)),
        data: can('/data', fs.constants.W_OK),
        files: all.length,
      }));`;
    expect(JSON.parse(await evaluate(program))).toEqual({
      writable: [],
      unreadable: [],
      data: true,
      files: expect.any(Number) as unknown,
    });
  });

  it('starts without a shell', async () => {
    const bare = mountFiles(image);
    for (const shell of ['sh', 'dash', 'bash']) rmSync(join(bare.path, 'usr/bin', shell), { force: true });
    const container = await startContainer(bare, { args: ['payment'], env: { PORT: '0' } });
    expect(await container.ready()).toBeGreaterThan(0);
    expect(() => container.exec(['sh', '-c', 'true'])).toThrow('sh');
    expect(await container.stop()).toBe(0);
    await container.remove();
    bare.remove();
  });

  it.each([0, 10, 20, 30, 40, 50])(
    'ends with 0 by SIGTERM %i ms after Node can hear of it, in the midst of its start',
    async (delay) => {
      const container = await startContainer(files, { args: ['storefront'], env: { PORT: '0' } });
      const SIGTERM = 1n << 14n;
      while ((BigInt(`0x${statusOf(container.pid, 'SigCgt')}`) & SIGTERM) === 0n);
      const end = performance.now() + delay;
      while (performance.now() < end);
      expect(await container.stop()).toBe(0);
      await container.remove();
    },
  );

  it('lets a debugger in, started as skaffold debug does', async () => {
    // Either of these tells Skaffold that it is Node.
    expect(image.config.Env).toContain('NODE_ENV=production');
    const [node = '', ...rest] = image.config.Entrypoint;
    const port = await freePortBase(1);
    const entrypoint = [node, `--inspect=127.0.0.1:${port}`, ...rest];
    const container = await startContainer(files, { entrypoint, args: ['payment'], env: { PORT: '0' } });
    await container.ready();
    const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
    expect(targets).toEqual([expect.objectContaining({ url: 'file:///app/services/main.ts' })]);
    await container.remove();
  });

  it('is built anew without its dependencies when a source has changed', () => {
    appendFileSync(join(context, 'services/main.ts'), `// ${randomUUID()}\n`);
    const { log } = buildImage(context, 'dev', { tag: 'test' });
    expect(log).toMatch(/RUN npm ci.*\n--> Using cache/);
    expect(log).toMatch(/COPY services services\n--> (?!Using cache)/);
  }, 120_000);

  describe('as a shop', () => {
    const containers = new Map<string, Container>();
    const urls = new Map<string, string>();
    let broker: RunningBroker;
    let folder: string;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'tradewind-broker-'));
      const env = {
        PORT: '0',
        DATA_DIR: folder,
        MANIFESTS: join(root, 'k8s'),
        LOG_LEVEL: 'silent',
        STAFF_TOKEN,
      };
      broker = await startBroker(readConfig(brokerSettings, env), { resolve: (name) => urls.get(name) });
      await Promise.all(names.map(start));
    }, 300_000);
    afterAll(async () => {
      for (const container of containers.values()) await container.remove();
      await broker.close();
      rmSync(folder, { recursive: true });
    });

    async function start(name: string): Promise<void> {
      const env = { PORT: '0', HOST: '127.0.0.1', STAFF_TOKEN, K_SINK: `${broker.url}/default/shop` };
      const container = await startContainer(files, { args: [name], env });
      containers.set(name, container);
      urls.set(name, `http://127.0.0.1:${await container.ready()}`);
    }

    it.each(names)('%s is the first process, nobody in particular, and cannot become anybody', (name) => {
      const pid = containers.get(name)?.pid ?? 0;
      expect(statusOf(pid, 'NSpid').split('\t').at(-1)).toBe('1');
      expect(statusOf(pid, 'Uid')).toBe('65532\t65532\t65532\t65532');
      expect([statusOf(pid, 'CapEff'), statusOf(pid, 'CapBnd')]).toEqual(['0'.repeat(16), '0'.repeat(16)]);
      expect(statusOf(pid, 'NoNewPrivs')).toBe('1');
    });

    it('carries out an order, as the program sees it that a cluster verifies with', async () => {
      const env = Object.fromEntries(
        names.map((name) => [`${name.toUpperCase()}_URL`, urls.get(name) ?? '']),
      );
      const entrypoint = ['node', '--disable-warning=ExperimentalWarning', 'services/cluster/verify.ts'];
      const verify = await startContainer(files, { entrypoint, args: [], env: { STAFF_TOKEN, ...env } });
      expect([await verify.exited, verify.log()]).toEqual([0, expect.stringContaining('shipped and paid')]);
      await verify.remove();
    }, 60_000);

    it('can be asked by exec, and cannot be written to', () => {
      const payment = containers.get('payment');
      expect(payment?.exec(['node', '-e', 'console.log(process.getuid())'])).toBe('65532\n');
      const write = "require('node:fs').writeFileSync('/app/services/main.ts', '')";
      expect(() => payment?.exec(['node', '-e', write])).toThrow('EROFS');
    });

    it('keeps in its volume what it has heard', async () => {
      const payment = containers.get('payment');
      const count = `const { DatabaseSync } = require('node:sqlite');
      const store = new DatabaseSync('/data/payment/payment.sqlite', { readOnly: true });
      console.log(store.prepare('select count(*) as n from inbox').get().n);`;
      expect(Number(payment?.exec(['node', '-e', count]))).toBeGreaterThan(0);
    });

    it('ends well when every service is told to', async () => {
      const codes = await Promise.all([...containers.values()].map((container) => container.stop()));
      expect(codes).toEqual(names.map(() => 0));
    });
  });
});
