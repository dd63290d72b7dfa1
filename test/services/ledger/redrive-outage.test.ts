import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Deps } from '../../../services/ledger/deps.ts';
import { openReceiver, status } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { openGraveyard, WAIT, type Graveyard } from './graveyard.ts';

/** Letters of the same kind that wait for long, each with a key of its own. */
const COPIES = `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 5600)
  insert into dead_letters (fingerprint, id, partition_key, classification, subscriber, cause, code, answer, size, state,
    arrivals, attempts, failures, died_at, last_died_at, next_at)
  select fingerprint || n, 'copy', 'key' || n, classification, subscriber, cause, code, answer, size, state,
    arrivals, attempts, failures, died_at, last_died_at, '2999-01-01T00:00:00.000Z' from dead_letters, numbers`;

let yard: Graveyard;

/** Letters that nobody has tried to deliver yet. */
async function untried(): Promise<number> {
  const { read } = yard.service.service.store;
  const row = await read.get<{ count: number }>(
    "select count(*) as count from dead_letters where state = 'waiting' and attempts = 0",
  );
  return Number(row?.count);
}

beforeEach(async () => {
  yard = await openGraveyard();
});

afterEach(async () => {
  await yard[Symbol.asyncDispose]();
});

describe('An outage', () => {
  it('is over for all letters as soon as the subscriber answers, in their order per key', async () => {
    await yard.subscriber.leave();
    const ids = Array.from({ length: 40 }, (_, index) => String(index));
    for (const id of ids) await yard.die(id, { attributes: { partitionkey: `customer-${Number(id) % 4}` } });
    await until('one has knocked in vain', async () => (await yard.attempts()) > 2);
    await yard.subscriber.comeBack();
    await yard.arrived(ids);
    for (const key of [0, 1, 2, 3]) {
      const own = yard.subscriber.ids().filter((id) => Number(id) % 4 === key);
      expect(own).toEqual(ids.filter((id) => Number(id) % 4 === key));
    }
  });

  it('is told by one letter at a time, another one each time', async () => {
    yard.subscriber.answer = status(503, '', { 'retry-after': '1' });
    await yard.die('0');
    await until('the outage was noticed', async () => (await yard.attempts()) > 0);
    for (const id of ['1', '2']) await yard.die(id);
    await until('two more have knocked', () => new Set(yard.subscriber.ids()).size === 3);
    expect(yard.subscriber.got).toHaveLength(3);
    const gaps = yard.subscriber.got
      .slice(1)
      .map(({ at }, index) => at - (yard.subscriber.got[index]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(0.7 * WAIT);
    yard.subscriber.answer = status(204);
    await yard.arrived(['0', '1', '2']);
  });

  it('has at most as many on their way as may be, and keeps nobody out for a slow one', async () => {
    await yard.service.restart({ REDRIVE_IN_FLIGHT: '3' });
    const answers: (() => void)[] = [];
    yard.subscriber.answer = (_got, response) => void answers.push(() => response.writeHead(204).end());
    const ids = ['1', '2', '3', '4', '5'];
    for (const id of ids) await yard.die(id);
    await until('three are on their way', () => answers.length === 3);
    answers[2]?.();
    await until('the fourth follows', () => answers.length === 4);
    expect(yard.subscriber.ids().toSorted()).toEqual(['1', '2', '3', '4']);
    yard.subscriber.answer = status(204);
    for (const answer of answers.toSpliced(2, 1)) answer();
    await yard.arrived(ids);
  });

  it('of one subscriber is none of another', async () => {
    await yard.subscriber.leave();
    await yard.die('1');
    await yard.die('2', { error: undefined });
    await yard.arrived(['2']);
    expect(yard.broker.ids()).toEqual(['2']);
    expect(await yard.letter('1')).toMatchObject({ state: 'waiting' });
  });
});

describe('A restart', () => {
  it('goes on where the one before has ended, backoff included', async () => {
    yard.subscriber.answer = (got, response) =>
      void response.writeHead(got.headers['ce-id'] === 'bad' ? 500 : 204).end();
    await yard.die('bad');
    await until('it failed three times', async () => (await yard.letter('bad')).attemptsMade === 3);
    const before = await yard.letter('bad');
    await yard.subscriber.leave();
    await yard.die('good');
    await yard.service.restart();
    await yard.subscriber.comeBack();
    await yard.arrived(['good']);
    const after = await yard.letter('bad');
    expect(after).toMatchObject({ state: 'waiting', nextAttemptAt: before.nextAttemptAt, attemptsMade: 3 });
    await until('it is tried again', async () => (await yard.letter('bad')).attemptsMade === 4);
    const at = Date.parse((await yard.letter('bad')).attempts[0].at);
    expect(at).toBeGreaterThanOrEqual(Date.parse(before.nextAttemptAt));
  });

  it('does not wait for an answer that does not come, and counts it for nothing', async () => {
    yard.subscriber.answer = () => undefined;
    await yard.die('1');
    await until('it is on its way', () => yard.subscriber.got.length === 1);
    yard.subscriber.answer = status(204);
    const started = performance.now();
    await yard.service.restart();
    expect(performance.now() - started).toBeLessThan(5000);
    await yard.arrived(['1']);
    expect(await yard.letter('1')).toMatchObject({ attemptsMade: 1 });
  });
});

describe('A lane', () => {
  it('goes away when nothing waits for its subscriber any more, and comes again', async () => {
    const { redriver } = yard.service.service.deps as Deps;
    await yard.die('1');
    expect(redriver.subscribers).toEqual([`${yard.subscriber.url}/events`]);
    await yard.arrived(['1']);
    await until('it is gone', () => redriver.subscribers.length === 0);
    await yard.die('2');
    await yard.arrived(['2']);
  });

  it('is there for so many subscribers at once, and for each in its turn', async () => {
    const { redriver } = yard.service.service.deps as Deps;
    // Nobody listens at such low ports.
    for (let port = 100; port < 310; port += 1) {
      await yard.die(`to ${port}`, { error: { dest: `http://127.0.0.1:${port}/events`, code: '503' } });
    }
    await yard.die('1');
    await yard.die('2', { error: undefined });
    expect(redriver.subscribers).toHaveLength(200);
    await until('all have had their turn', async () => (await untried()) === 0);
    expect(redriver.subscribers.length).toBeLessThanOrEqual(200);
    await yard.arrived(['1', '2']);
  });

  it('has no more letters on their way than all may have together', async () => {
    const receivers = await Promise.all(Array.from({ length: 9 }, () => openReceiver()));
    const got = (): number => receivers.reduce((sum, receiver) => sum + receiver.got.length, 0);
    const answers: (() => void)[] = [];
    for (const receiver of receivers) {
      receiver.answer = (_got, response) => void answers.push(() => response.writeHead(204).end());
    }
    const dests = receivers.map(({ url }) => `${url}/events`);
    for (const [index, dest] of dests.entries()) {
      for (let n = 0; n < 8; n += 1) await yard.die(`${index}-${n}`, { error: { dest, code: '503' } });
    }
    await until('as many are on their way as may be', () => got() >= 64);
    await yard.get('/api/dead-letters');
    expect(got()).toBe(64);
    answers.shift()?.();
    await until('the next one follows', () => got() === 65);
    for (const receiver of receivers) receiver.answer = status(204);
    for (const answer of answers) answer();
    await until('all have arrived', async () => (await untried()) === 0);
    for (const receiver of receivers) await receiver[Symbol.asyncDispose]();
  });

  it('goes on behind thousands of letters that fail by themselves', async () => {
    yard.subscriber.answer = status(500);
    await yard.die('failing', { error: { code: '500', answer: 'a defect' } });
    await yard.service.service.store.write((tx) => tx.run(COPIES));
    yard.subscriber.answer = status(204);
    await yard.die('new');
    await until('it has arrived', async () => (await yard.letter('new')).outcome === 'redriven');
  });

  it('finds what nobody told it of, as another replica keeps it', async () => {
    await yard.die('1', { error: { code: '422' } });
    await yard.service.service.store.write((tx) => tx.run("update dead_letters set state = 'waiting'"));
    await yard.arrived(['1']);
  });
});
