import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { openGraveyard, type Graveyard, WAIT } from './graveyard.ts';

const confidential = { dataclassification: 'confidential' };

let yard: Graveyard;

beforeEach(async () => {
  yard = await openGraveyard();
});

afterEach(async () => {
  await yard[Symbol.asyncDispose]();
});

describe('A letter whose subscriber is there', () => {
  it('arrives as the event that it was, without what the failure had left on it', async () => {
    expect(await yard.die('1', { data: '{"total":10000000000000000001}' })).toBe(204);
    await yard.arrived(['1']);
    const [got] = yard.subscriber.got;
    expect(got?.path).toBe('/events');
    expect(got?.body).toBe('{"total":10000000000000000001}');
    expect(got?.headers).toMatchObject({
      'ce-id': '1',
      'ce-source': '/tradewind/storefront',
      prefer: 'reply',
    });
    const names = Object.keys(got?.headers ?? {});
    expect(names.filter((name) => /error|ttl/.test(name))).toEqual([]);
  });

  it('has its way in its history, and is counted', async () => {
    await yard.die('1');
    await yard.arrived(['1']);
    expect(await yard.letter('1')).toMatchObject({
      state: 'closed',
      outcome: 'redriven',
      attempts: [{ by: 'redrive', target: `${yard.subscriber.url}/events`, code: null }],
      attemptsMade: 1,
    });
    const { body } = await yard.get('/metrics');
    expect(body).toMatch(/^tradewind_dead_letters_redriven_total\{.*\} 1$/m);
  });

  it('brings what its subscriber answers to the broker', async () => {
    yard.subscriber.answer = status(200, '{"paid":true}', {
      'ce-specversion': '1.0',
      'ce-id': 'reply',
      'ce-source': '/tradewind/payment',
      'ce-type': 'paid',
      'content-type': 'application/json',
    });
    await yard.die('1');
    await yard.arrived(['1']);
    expect(yard.broker.got).toMatchObject([{ path: '/default/shop', body: '{"paid":true}' }]);
    expect(yard.broker.ids()).toEqual(['reply']);
  });

  it('waits when the broker does not take what its subscriber answers', async () => {
    yard.broker.answer = status(500, 'full');
    yard.subscriber.answer = status(200, '', {
      'ce-specversion': '1.0',
      'ce-id': 'reply',
      'ce-source': '/tradewind/payment',
      'ce-type': 'paid',
    });
    await yard.die('1');
    await until('it was tried', async () => (await yard.letter('1')).attemptsMade === 1);
    expect(await yard.letter('1')).toMatchObject({
      state: 'waiting',
      cause: 'unreachable',
      attempts: [{ code: 500 }],
    });
    yard.broker.answer = status(202);
    await yard.arrived(['1']);
  });

  it('waits for a person when the broker refuses what its subscriber answers', async () => {
    yard.broker.answer = status(400, 'no');
    yard.subscriber.answer = status(200, '', {
      'ce-specversion': '1.0',
      'ce-id': 'reply',
      'ce-source': '/tradewind/payment',
      'ce-type': 'paid',
    });
    await yard.die('1');
    expect(await yard.becomes('1', 'held')).toMatchObject({ cause: 'reply', code: 400 });
  });

  it('leaves no data behind when it is confidential', async () => {
    await yard.die('1', { attributes: confidential, data: '{"street":"Hafenstraße 12"}' });
    await yard.arrived(['1']);
    expect(yard.subscriber.got[0]?.body).toContain('Hafenstraße');
    const stored = (sql: string): Promise<unknown[]> => yard.service.data.rows('ledger', 'ledger', sql);
    expect(await stored('select state, attributes from dead_letters')).toMatchObject([
      { state: 'closed', attributes: expect.stringContaining('"id":"1"') },
    ]);
    expect(await stored('select * from dead_letter_bodies')).toEqual([]);
  });

  it('keeps its data when it is internal', async () => {
    await yard.die('1');
    await yard.arrived(['1']);
    expect(await yard.letter('1')).toMatchObject({ data: { total: 4500 } });
  });
});

describe('A letter that fails for a reason of its own', () => {
  it('waits longer and longer, and holds up its own key alone', async () => {
    yard.subscriber.answer = (got, response) =>
      void response
        .writeHead(got.headers['ce-id'] === 'bad' ? 500 : 204)
        .end('sorry'.slice(0, got.headers['ce-id'] === 'bad' ? 5 : 0));
    await yard.die('bad', { attributes: { partitionkey: 'ada' } });
    await yard.die('behind', { attributes: { partitionkey: 'ada' } });
    await yard.die('good', { attributes: { partitionkey: 'ben' } });
    await yard.arrived(['good']);
    await until('it failed twice', async () => (await yard.letter('bad')).attemptsMade === 2);
    const bad = await yard.letter('bad');
    expect(bad).toMatchObject({ state: 'waiting', cause: 'failed', code: 500, answer: 'sorry' });
    const [second, first] = bad.attempts.map(({ at }: { at: string }) => Date.parse(at));
    expect(second - first).toBeGreaterThanOrEqual(0.7 * WAIT);
    expect(Date.parse(bad.nextAttemptAt) - second).toBeGreaterThan(1.4 * WAIT);
    expect(yard.subscriber.ids()).not.toContain('behind');
    yard.subscriber.answer = status(204);
    await yard.arrived(['bad', 'behind']);
    expect(yard.subscriber.ids().slice(-2)).toEqual(['bad', 'behind']);
  });

  it.each([
    ['is never answered', () => undefined],
    ['is always told to come later', status(503)],
  ])('does not keep the others away when it %s', async (_name, answer) => {
    await yard.service.restart({ DELIVERY_TIMEOUT: '200ms' });
    yard.subscriber.answer = (got, response) =>
      void (got.headers['ce-id'] === 'bad' ? answer(got, response) : response.writeHead(204).end());
    await yard.die('bad');
    const ids = Array.from({ length: 60 }, (_, index) => String(index));
    for (const id of ids) await yard.die(id);
    await yard.arrived(ids);
    expect(await yard.letter('bad')).toMatchObject({ state: 'waiting' });
    yard.subscriber.answer = status(204);
    await yard.arrived(['bad']);
  });

  it('waits for a person once it is refused for good, and its key goes on', async () => {
    const problem = JSON.stringify({
      title: 'Invalid content',
      detail: 'data does not fit order.placed: lines is missing',
      errors: [{ field: 'lines', message: 'is missing' }],
    });
    yard.subscriber.answer = (got, response) => {
      const isBad = got.headers['ce-id'] === 'bad';
      response.writeHead(isBad ? 422 : 204).end(isBad ? problem : undefined);
    };
    await yard.die('bad', { attributes: { partitionkey: 'ada' } });
    await yard.die('good', { attributes: { partitionkey: 'ada' } });
    expect(await yard.becomes('bad', 'held')).toMatchObject({
      cause: 'refused',
      code: 422,
      reason: 'data does not fit order.placed: lines is missing',
      fields: [{ field: 'lines', message: 'is missing' }],
    });
    await yard.arrived(['good']);
  });

  it('is given up in the end, and can be replayed still', async () => {
    await yard.subscriber.leave();
    await yard.die('1');
    await yard.service.advance(3 * 86_400_000 + 1000);
    const letter = await yard.becomes('1', 'held');
    expect(letter.words).toContain('REDRIVE_MAX_AGE');
    expect(Date.parse(letter.givenUpAt)).toBeGreaterThan(Date.parse(letter.diedAt));
    const { body } = await yard.get('/metrics');
    expect(body).toMatch(/^tradewind_dead_letters_given_up\{.*\} 1$/m);
  });
});

describe('A letter that names a subscriber of its own making', () => {
  it('gets nothing delivered, and says which setting keeps it', async () => {
    await using stranger = await openGraveyard({ REDRIVE_HOSTS: '*.svc.cluster.local' });
    await stranger.die('1', { attributes: confidential });
    await stranger.die('2', { error: { dest: 'http://127.0.0.1@evil.example/events', code: '503' } });
    for (const id of ['1', '2']) {
      expect(await stranger.letter(id)).toMatchObject({ state: 'held', attempts: [] });
      expect((await stranger.letter(id)).words).toContain('REDRIVE_HOSTS');
    }
    expect(stranger.subscriber.got).toEqual([]);
  });

  it('is held when its host is not allowed any more', async () => {
    await yard.subscriber.leave();
    await yard.die('1');
    await yard.subscriber.comeBack();
    await yard.service.restart({ REDRIVE_HOSTS: '*.svc' });
    expect(await yard.becomes('1', 'held')).toMatchObject({ cause: 'unreachable' });
    expect(yard.subscriber.got).toEqual([]);
  });
});

describe('A letter that died before', () => {
  it('begins anew when it had arrived', async () => {
    await yard.die('1');
    await yard.arrived(['1']);
    const before = await yard.letter('1');
    await yard.subscriber.leave();
    await yard.die('1');
    const again = await yard.letter('1');
    expect(again).toMatchObject({ state: 'waiting', arrivals: 2 });
    expect(again.diedAt > before.diedAt).toBe(true);
    await yard.subscriber.comeBack();
    await yard.arrived(['1']);
  });

  it('has its data again after it was erased', async () => {
    const death = { attributes: confidential, data: '{"street":"Hafenstraße 12"}' };
    await yard.die('1', death);
    await yard.arrived(['1']);
    await yard.die('1', death);
    await yard.arrived(['1']);
    expect(yard.subscriber.got.map(({ body }) => body)).toEqual([death.data, death.data]);
  });
});
