import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderPlaced } from '../../../events/order.ts';
import { openTestData, type TestData } from '../../support/data.ts';
import { deliver, STAFF_TOKEN } from '../../support/service.ts';
import { openSink, type Sink } from '../../support/sink.ts';
import { until } from '../../support/until.ts';
import { chargesIn } from './charges.ts';

const PROGRAM = join(import.meta.dirname, 'run.ts');

describe('payment, killed in the middle of a charge', () => {
  let data: TestData;
  let sink: Sink;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    data = await openTestData('payment');
    sink = await openSink();
  });
  afterEach(async () => {
    await kill();
    await sink.close();
    await data.remove();
  });

  it('asks again after its restart, and charges once', async () => {
    const url = await start({ GATEWAY_TIMEOUT: '10m' });
    const lost = { ...orderPlaced.example, paymentToken: 'tok_lost' };
    expect(await deliver(url, orderPlaced, lost)).toBe(204);
    await until('the charge is made', async () => (await chargesIn(data)).length === 1);
    await kill();
    expect(sink.events).toEqual([]);
    await start({ GATEWAY_TIMEOUT: '10m' });
    // On PostgreSQL the lease of the one that was killed has to end first.
    await until('it is authorized', () => sink.events.length === 1);
    expect(sink.events).toMatchObject([{ type: 'shop.tradewind.payment.authorized.v1' }]);
    expect(await chargesIn(data)).toHaveLength(1);
  });

  async function start(env: Record<string, string>): Promise<string> {
    child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM], {
      env: { PORT: '0', HOST: '127.0.0.1', ...data.env, STAFF_TOKEN, K_SINK: sink.url, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output += text));
    await until('payment is ready', () => /"port":\d+/.test(output));
    return `http://127.0.0.1:${/"port":(\d+)/.exec(output)?.[1]}`;
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
