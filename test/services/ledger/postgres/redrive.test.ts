import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startService, type RunningService } from '../../../../platform/runtime.ts';
import { readSettings } from '../../../../platform/settings.ts';
import { ledger } from '../../../../services/ledger/service.ts';
import { startChild } from '../../../support/child.ts';
import { status } from '../../../support/receiver.ts';
import { STAFF_TOKEN } from '../../../support/service.ts';
import { until } from '../../../support/until.ts';
import { openGraveyard, WAIT, type Graveyard } from '../graveyard.ts';

let yard: Graveyard;
const others: RunningService[] = [];
const env = (): Record<string, string> => ({
  PORT: '0',
  HOST: '127.0.0.1',
  STAFF_TOKEN,
  LOG_LEVEL: 'silent',
  ...yard.settings,
});

beforeEach(async () => {
  yard = await openGraveyard();
});
afterEach(async () => {
  for (const other of others.splice(0)) await other.close();
  await yard[Symbol.asyncDispose]();
});

async function startAnother(): Promise<RunningService> {
  const other = await startService(ledger, readSettings(ledger, env()));
  others.push(other);
  return other;
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

describe('The dead letters of several ledgers', () => {
  it('go once each, whichever ledger they came to, and soon', async () => {
    const { url } = await startAnother();
    const ids = numbers(60);
    await Promise.all(ids.map((id) => yard.die(id, Number(id) % 2 === 0 ? {} : { at: url })));
    await yard.arrived(ids);
    expect(yard.subscriber.ids().toSorted()).toEqual(ids.toSorted());
    expect(await yard.attempts()).toBe(ids.length);
  });

  it('are knocked with by one ledger alone while their subscriber is away', async () => {
    const { url } = await startAnother();
    yard.subscriber.answer = status(503);
    await yard.die('0');
    await until('the outage was noticed', async () => (await yard.attempts()) > 0);
    for (const id of ['1', '2', '3', '4']) await yard.die(id, { at: url });
    await until('several have knocked', () => yard.subscriber.got.length > 4, 20_000);
    const times = yard.subscriber.got.map(({ at }) => at);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(0.7 * WAIT);
    yard.subscriber.answer = status(204);
    await yard.arrived(numbers(5));
  }, 30_000);

  it('are delivered by the other one at once when a ledger stops, and after a while when it is killed', async () => {
    const { url } = await startAnother();
    await yard.service.service.close();
    await yard.die('1', { at: url });
    await until('it has arrived', () => yard.subscriber.ids().includes('1'), 3000);
    const child = await startChild('run-ledger.ts', env());
    const [survivor] = others.splice(0);
    await survivor?.close();
    const leads = "select holder from leases where name = 'redrive'";
    await until('the child leads', async () => {
      return (await yard.service.data.rows('ledger', 'ledger', leads)).length === 1;
    });
    const third = await startAnother();
    await yard.die('2', { at: third.url });
    await until('it has arrived', () => yard.subscriber.ids().includes('2'));
    await child.kill();
    await yard.die('3', { at: third.url });
    await until('it has arrived as well', () => yard.subscriber.ids().includes('3'));
  }, 60_000);

  it('go soon where one was closed and died again at a ledger that does not redrive, whatever it waited for before', async () => {
    await yard[Symbol.asyncDispose]();
    yard = await openGraveyard({ REDRIVE_BACKOFF: '1h' });
    const { url } = await startAnother();
    yard.subscriber.answer = status(500);
    await yard.die('1', { error: { code: '500' } });
    await until('it has failed again, and waits for long', async () => (await yard.attempts()) === 1);
    await yard.service.service.store.write((tx) =>
      tx.run("update dead_letters set state = 'closed', outcome = 'discarded', next_at = null"),
    );
    yard.subscriber.answer = status(204);
    await yard.die('1', { error: { code: '500' }, at: url });
    await yard.arrived(['1']);
  }, 60_000);

  it('replayed by hand go once', async () => {
    const { url } = await startAnother();
    const ids = numbers(20);
    for (const id of ids) await yard.die(id, { error: { code: '422' } });
    const order = { of: 'dead-letters', select: { all: true }, reason: 'it is mended', rate: 1000 };
    const answer = await fetch(`${url}/api/replays`, {
      method: 'POST',
      headers: { authorization: `Bearer ${STAFF_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(order),
    });
    expect(answer.status).toBe(201);
    await until('all are closed', async () => {
      const letters = await Promise.all(ids.map((id) => yard.letter(id)));
      return letters.every(({ outcome }) => outcome === 'replayed');
    });
    expect(yard.subscriber.ids().toSorted()).toEqual(ids.toSorted());
  });
});
