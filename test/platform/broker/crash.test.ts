import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { environment } from '../../../platform/config.ts';
import { openSqlite } from '../../../platform/store/sqlite.ts';
import { manifests, postEvent, triggerFor } from '../../support/broker.ts';
import { freePortBase } from '../../support/ports.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { call } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const main = new URL('../../../platform/broker/main.ts', import.meta.url);

describe('a broker that is killed', () => {
  let dataDir: string;
  let port: number;
  let receiver: Receiver;
  let child: ChildProcess;
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'tradewind-crash-'));
    mkdirSync(join(dataDir, 'k8s'));
    const triggers = { a: triggerFor('alpha'), b: triggerFor('beta') };
    const yaml = manifests('{ retry: 8, backoffPolicy: exponential, backoffDelay: PT30S }', triggers);
    writeFileSync(join(dataDir, 'k8s', 'all.yaml'), yaml);
    [port, receiver] = await Promise.all([freePortBase(1), openReceiver()]);
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await receiver.leave();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const url = (): string => `http://127.0.0.1:${port}`;

  async function start(): Promise<void> {
    child = fork(main, {
      env: {
        ...environment(),
        PORT: String(port),
        DATA_DIR: dataDir,
        MANIFESTS: join(dataDir, 'k8s'),
        SUBSCRIBERS: `alpha=${receiver.url},beta=http://127.0.0.1:9`,
        LOG_LEVEL: 'silent',
      },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    await until('the broker is ready', () =>
      call(url(), 'GET', '/readyz').then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
  }

  async function kill(): Promise<void> {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  /** Ids of the events that are still to be delivered for a Trigger. */
  async function unsettled(queue: string): Promise<string[]> {
    await using store = openSqlite(join(dataDir, 'broker', 'broker.sqlite'));
    const rows = await store.read.all<{ attributes: string }>(
      'select attributes from events join deliveries on event_seq = seq where queue = $1',
      queue,
    );
    return rows.map(({ attributes }) => (JSON.parse(attributes) as { id: string }).id);
  }

  it('has lost no event that it had answered 202, with the headers beside it, and keeps each Trigger’s state', async () => {
    await receiver.leave();
    await start();
    const accepted = new Set<string>();
    const post = async (id: string): Promise<void> => {
      const headers = { 'x-request-id': `request of ${id}` };
      const answer = await postEvent(`${url()}/default/shop`, { id }, { n: 1 }, headers).catch(
        () => undefined,
      );
      if (answer?.status === 202) accepted.add(id);
    };
    const posts = Array.from({ length: 300 }, (_, n) => post(`e${n}`));
    await until('some are accepted', () => accepted.size > 100);
    await kill();
    await Promise.all(posts);
    await receiver.comeBack();
    await start();
    await until('every accepted event has arrived', () => accepted.isSubsetOf(new Set(receiver.ids())));
    for (const { headers } of receiver.got) {
      expect(headers['x-request-id']).toBe(`request of ${String(headers['ce-id'])}`);
    }
    await kill();
    const before = receiver.got.length;
    const left = await unsettled('a');
    await start();
    await postEvent(`${url()}/default/shop`, { id: 'last' }, { n: 1 });
    await until('all have arrived', () =>
      new Set([...left, 'last']).isSubsetOf(new Set(receiver.ids().slice(before))),
    );
    // What was at work at the kill may come twice; what was settled before does not come again.
    expect(new Set(receiver.ids().slice(before))).toEqual(new Set([...left, 'last']));
  });
});
