import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../support/until.ts';
import { openGraveyard, type Graveyard, WAIT } from './graveyard.ts';

let yard: Graveyard;

beforeEach(async () => {
  yard = await openGraveyard();
});

afterEach(async () => {
  await yard[Symbol.asyncDispose]();
});

describe('A letter whose broker does not say who failed', () => {
  it('goes through the broker again, without what a broker counts', async () => {
    await yard.die('1', { error: undefined });
    await yard.arrived(['1']);
    expect(yard.broker.got).toMatchObject([{ path: '/default/shop' }]);
    expect(yard.broker.got[0]?.headers).not.toHaveProperty('ce-knativebrokerttl');
    expect(yard.subscriber.got).toEqual([]);
  });

  it('is open still when it dies again before the broker has answered, as in a synchronous one', async () => {
    let rounds = 0;
    yard.broker.answer = (_got, response) => {
      rounds += 1;
      const dead = rounds === 1 ? yard.die('1', { error: undefined }) : Promise.resolve();
      void dead.then(() => response.writeHead(202).end());
    };
    await yard.die('1', { error: undefined });
    await until('the broker has answered', async () => (await yard.letter('1')).attemptsMade === 1);
    expect(await yard.letter('1')).toMatchObject({ state: 'waiting', arrivals: 2 });
    await yard.arrived(['1']);
    expect(rounds).toBe(2);
  });

  it.each([
    ['says nothing', undefined],
    ['does not take a reply', 'reply'],
  ])('waits longer each time that it dies again: the broker %s', async (_name, reply) => {
    const error = reply && { dest: `${yard.broker.url}/default/shop`, code: '503' };
    const die = (): Promise<number> => yard.die('1', { error: error || undefined });
    await die();
    await yard.arrived(['1']);
    await die();
    const second = await yard.letter('1');
    expect(second).toMatchObject({ state: 'waiting', arrivals: 2, attemptsMade: 1 });
    expect(Date.parse(second.nextAttemptAt)).toBeGreaterThan(Date.parse(second.lastDiedAt) + 0.7 * WAIT);
    await yard.arrived(['1']);
    await die();
    const third = await yard.letter('1');
    expect(third.diedAt).toBe(second.diedAt);
    expect(Date.parse(third.nextAttemptAt)).toBeGreaterThan(Date.parse(third.lastDiedAt) + 1.4 * WAIT);
  });
});
