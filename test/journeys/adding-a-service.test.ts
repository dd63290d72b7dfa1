import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { documents } from '../../scripts/generate/documents.ts';
import { DEFAULT_PORT_BASE } from '../../services/local/arguments.ts';
import { find, render } from '../support/render.ts';
import { orderBody } from '../support/customer.ts';
import { freePortBase } from '../support/ports.ts';
import { root } from '../support/root.ts';
import { call } from '../support/service.ts';
import { secrets } from '../support/shop.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const toolsThere = ['bash', 'curl', 'sed', 'grep'].every(
  (tool) => spawnSync(tool, ['--version']).status === 0,
);
if (!toolsThere) process.stderr.write('SKIPPED: bash, curl, sed and grep are needed to run the page with\n');

/** What a copy of the repository needs not, or must not have. */
const LEFT_OUT = new Set(['node_modules', '.git', '.data', '.cache', 'coverage']);
const QUIET = '--disable-warning=ExperimentalWarning';
const INDEX = 'services/index.ts';
const VALUES = 'charts/tradewind/values.yaml';
/** The port of the page's service. */
const LOYALTY = 8089;

const page = readFileSync(join(root, 'docs/adding-a-service.md'), 'utf8');
/** Each file that the page shows, under the paragraph that begins with its path. */
const files = new Map(
  [...page.matchAll(/^\*\*`([^`]+)`\*\*(?:[^\n]+\n)+\n```\w+\n(.*?)^```$/gms)].map(
    ([, path = '', text = '']) => [path, text],
  ),
);
/** Lines to add, with the file that is named last before them. */
const edits = [...page.matchAll(/^```diff\n(.*?)^```$/gms)].map(({ index, 1: diff = '' }) => {
  const named = [...page.slice(0, index).matchAll(/`([\w-]+\/[\w/.-]+)`/g)];
  return { path: named.at(-1)?.[1] ?? '', diff };
});
const commands = blocksOf('sh');

describe('the page about adding a service, done in a copy of the repository', () => {
  let copy: string;
  let before: ReadonlyMap<string, string>;
  beforeAll(async () => {
    copy = await mkdtemp(join(realpathSync(tmpdir()), 'tradewind-sixth-'));
    cpSync(root, copy, { recursive: true, verbatimSymlinks: true, filter: isCopied });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    before = filesIn(copy);
    for (const [path, text] of files) write(path, text);
    for (const { path, diff } of edits) write(path, edited(readFileSync(join(copy, path), 'utf8'), diff));
    await node('scripts/generate.ts');
  });
  afterAll(() => rm(copy, { recursive: true, force: true }));

  it('touches what it names and nothing else, least of all another service', () => {
    const after = filesIn(copy);
    const changed = [...after].filter(([path, text]) => before.get(path) !== text).map(([path]) => path);
    const byHand = [...files.keys(), INDEX, VALUES];
    const generated = changed.filter((path) => !byHand.includes(path));
    const known = documents(root);
    expect(byHand.filter((path) => !changed.includes(path))).toEqual([]);
    expect(byHand.filter((path) => !/loyalty/.test(path))).toEqual([INDEX, VALUES]);
    expect(generated.filter((path) => !known.has(path) || !page.includes(`\`${path}\``))).toEqual([]);
    expect([...before.keys()].filter((path) => !after.has(path))).toEqual([]);
  });

  it('leaves types, lint and format in order', async () => {
    const sources = [...files.keys()].filter((path) => path.endsWith('.ts'));
    await Promise.all([
      node('node_modules/.bin/tsc', '--noEmit'),
      node('node_modules/.bin/oxlint', '--type-aware', '--deny-warnings', INDEX, ...sources),
      node('node_modules/.bin/prettier', '--check', 'README.md', 'k8s', INDEX, VALUES, ...files.keys()),
    ]);
  });

  it('passes its own tests, those of the architecture and that of the documents', async () => {
    const tests = ['test/services/loyalty', 'test/architecture', 'test/events/documents.test.ts'];
    await node('--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--ci', ...tests);
  });

  it('is one more Deployment of the chart, with its Triggers', async () => {
    const objects = await render({ from: join(copy, 'charts/tradewind') });
    find(objects, 'Deployment', 'shop-loyalty');
    find(objects, 'Trigger', 'shop-loyalty-payment-captured');
  });

  (toolsThere ? describe : describe.skip)('and in the shop that starts from it', () => {
    let base: number;
    let dataDir: string;
    let shop: ChildProcess;
    beforeAll(async () => {
      base = await freePortBase(LOYALTY - DEFAULT_PORT_BASE + 1);
      dataDir = join(copy, '.data');
      write('.data/secrets.json', JSON.stringify(secrets, undefined, 2));
      shop = spawn(
        process.execPath,
        [QUIET, 'services/local.ts', '--port-base', String(base), '--auto-dispatch', '100ms'],
        { cwd: copy, stdio: ['ignore', 'pipe', 'pipe'] },
      );
      await readinessOf(shop);
    });
    afterAll(async () => {
      if (shop.exitCode !== null) return;
      const ended = once(shop, 'exit');
      shop.kill('SIGTERM');
      await ended;
    });

    it('an order earns points once its parcel has left', async () => {
      const { body: order } = await call(at(DEFAULT_PORT_BASE), 'POST', '/api/orders', { body: orderBody() });
      await until('the points are there', async () => {
        const { body } = await call(at(LOYALTY), 'GET', `/api/points/${order.customerId}`, { staff: true });
        return body.points === Math.floor(order.total.amount / 100);
      });
      expect(order.total.amount).toBeGreaterThan(100);
    });

    it('the commands of the page show what they say', async () => {
      expect(commands).toHaveLength(2);
      expect(await execute(commands[0])).toBe('202\n');
      let output = '';
      await until('the points are there and the event is kept', async () => {
        output = await execute(commands[1]);
        return output.includes('"points":54') && output.includes('"subject":"TW-BYHAND"');
      });
      expect(output).toMatch(
        /^tradewind_events_total\{.*payment\.captured\.v1",outcome="handled".*\} [12]$/m,
      );
    });

    /** The address of a program that the page has at `port`. */
    function at(port: number): string {
      return `http://127.0.0.1:${base + port - DEFAULT_PORT_BASE}`;
    }

    async function execute(command = ''): Promise<string> {
      const addressed = command
        .replaceAll(/http:\/\/127\.0\.0\.1:(80\d\d)/g, (_, port) => at(Number(port)))
        .replaceAll('.data/', `${dataDir}/`);
      return (await run('bash', ['-c', addressed])).stdout;
    }
  });

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), text);
  }

  /** Runs a program of the copy with this very Node. @throws Error with what it said, when it fails. */
  async function node(...args: string[]): Promise<void> {
    await run(process.execPath, [QUIET, ...args], { cwd: copy }).catch(
      ({ stdout, stderr }: { stdout: string; stderr: string }) => {
        throw new Error(`${args.join(' ')} failed:\n${stdout}${stderr}`);
      },
    );
  }
});

function blocksOf(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, text = '']) => text,
  );
}

/** Adds the lines of a diff behind the one that the diff shows before them. */
function edited(text: string, diff: string): string {
  const [, place = '', added = ''] = /^ (.+\n)((?:\+.+\n)+)$/.exec(diff) ?? [];
  expect(text.split(place)).toHaveLength(2);
  return text.replace(place, place + added.replaceAll(/^\+/gm, ''));
}

function isCopied(path: string): boolean {
  return !LEFT_OUT.has(relative(root, path));
}

/** The text of every file by its path; no link is followed, least of all the one to the packages. */
function filesIn(folder: string): Map<string, string> {
  return new Map(pathsIn(folder).map((path) => [relative(folder, path), readFileSync(path, 'latin1')]));
}

function pathsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return pathsIn(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Resolves when a shop says that it is ready. */
async function readinessOf(shop: ChildProcess): Promise<void> {
  let said = '';
  for (const stream of [shop.stdout, shop.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  await until(
    'the shop is ready',
    () => {
      if (shop.exitCode !== null) throw new Error(`the shop did not start:\n${said}`);
      return said.includes('Tradewind is ready');
    },
    60_000,
  );
}
