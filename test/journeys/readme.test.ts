import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_PORT_BASE } from '../../services/local/arguments.ts';
import { addressOf, programs } from '../../services/local/plan.ts';
import { loadSecrets } from '../../services/local/secrets.ts';
import { startShop, type RunningShop } from '../../services/local/shop.ts';
import { root } from '../support/root.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const toolsThere = ['bash', 'curl', 'sed'].every((tool) => spawnSync(tool, ['--version']).status === 0);
if (!toolsThere) process.stderr.write('SKIPPED: bash, curl and sed are needed to run the README with\n');

/** The README's own commands, in their order, against a shop on ports and a folder of the test's. */
(toolsThere ? describe : describe.skip)('the journey of the README', () => {
  let dataDir: string;
  let shop: RunningShop;
  let blocks: string[];
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'tradewind-readme-'));
    const secrets = loadSecrets(dataDir);
    shop = await startShop({
      dataDir,
      portBase: 0,
      autoDispatch: 'off',
      secrets,
      env: { LOG_LEVEL: 'silent' },
    });
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const shells = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block);
    blocks = shells.filter((block) => block.includes('curl'));
  });
  afterAll(async () => {
    await shop.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Runs a block in a shell that remembers the variables of those before it. */
  async function execute(block: string): Promise<string> {
    const addressed = programs().reduce(
      (command, name) => command.replaceAll(addressOf(name, { portBase: DEFAULT_PORT_BASE }), shop.url(name)),
      block.replaceAll('.data/', `${dataDir}/`),
    );
    const memory = `${dataDir}/variables`;
    const script = `touch ${memory}; . ${memory}\n${addressed}\ndeclare -p ORDER TOKEN SHIPMENT > ${memory} 2>/dev/null; true`;
    const { stdout } = await run('bash', ['-c', script], { timeout: 20_000 });
    await until('nothing waits anywhere', () => shop.idle());
    return stdout;
  }

  it('has three steps', () => expect(blocks).toHaveLength(3));

  it('places an order, changes the address and shows both', async () => {
    const output = await execute(blocks[0] ?? '');
    expect(output).toMatch(/^TW-\w{12}\n/);
    expect(output).toContain('{"revision":2}');
    expect(output).toContain('"kind":"address"');
  });

  it('hands the parcel over, for the new address, and takes the money', async () => {
    const output = await execute(blocks[1] ?? '');
    expect(output).toContain('"state":"dispatched"');
    expect(output).toContain('"line1":"Deichweg 3"');
    expect((await readFile(join(dataDir, 'label.pdf'))).subarray(0, 5).toString()).toBe('%PDF-');
  });

  it('tells what has happened, live', async () => {
    const output = await execute((blocks[2] ?? '').replace('curl ', 'curl --max-time 1 '));
    for (const event of ['order.placed', 'customer.updated', 'shipment.readdressed', 'payment.captured']) {
      expect(output).toContain(`event: ${event}`);
    }
  });
});
