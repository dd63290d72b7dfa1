import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeLetter, findLetter, recordAttempt } from '../../../services/ledger/letters.ts';
import { until } from '../../support/until.ts';
import { openGraveyard, type Graveyard } from './graveyard.ts';

const DAY_MS = 86_400_000;
const person = { code: '422', answer: '{"detail":"no"}' };
const confidential = { dataclassification: 'confidential' };

let yard: Graveyard;

beforeEach(async () => {
  yard = await openGraveyard();
});

afterEach(async () => {
  await yard[Symbol.asyncDispose]();
});

async function find(id: string) {
  const { read } = yard.service.service.store;
  const row = await read.get<{ seq: number }>('select seq from dead_letters where id = $1', id);
  return row && (await findLetter(read, row.seq));
}

async function close(id: string, outcome: 'replayed' | 'discarded' = 'discarded'): Promise<boolean> {
  const letter = await find(id);
  if (!letter) throw new Error(`there is no letter of ${id}`);
  return yard.service.service.store.write((tx) => closeLetter(tx, letter, outcome, new Date()));
}

function count(table: string): Promise<number | undefined> {
  const { read } = yard.service.service.store;
  return read.get<{ count: number }>(`select count(*) as count from ${table}`).then((row) => row?.count);
}

describe('A dead letter', () => {
  it('is closed once', async () => {
    await yard.die('1', { error: person });
    expect(await close('1')).toBe(true);
    expect(await close('1')).toBe(false);
    expect(await find('1')).toMatchObject({ state: 'closed', outcome: 'discarded' });
  });

  it('is not closed for what was sent before it died again', async () => {
    await yard.die('1', { error: person });
    const sent = await find('1');
    if (!sent) throw new Error('there is no letter');
    await yard.die('1', { error: person });
    const { store } = yard.service.service;
    expect(await store.write((tx) => closeLetter(tx, sent, 'replayed', new Date()))).toBe(false);
    expect(await find('1')).toMatchObject({ state: 'held', arrivals: 2 });
  });

  it('with other data is a letter of its own', async () => {
    await yard.die('1', { error: person, data: '{"total":1}' });
    await yard.die('1', { error: person, data: '{"total":2}' });
    await yard.die('1', { error: person, data: '{"total":1}' });
    const { read } = yard.service.service.store;
    const rows = await read.all<{ seq: number; arrivals: number }>(
      'select seq, arrivals from dead_letters order by seq',
    );
    expect(rows.map(({ arrivals }) => arrivals)).toEqual([2, 1]);
    const bodies = await Promise.all(rows.map(async ({ seq }) => (await findLetter(read, seq))?.body));
    expect(bodies.map(String)).toEqual(['{"total":1}', '{"total":2}']);
  });

  it('is as confidential as the most confidential of its arrivals', async () => {
    await yard.die('up', { error: person });
    await yard.die('up', { error: person, attributes: confidential });
    await yard.die('down', { error: person, attributes: confidential });
    await yard.die('down', { error: person });
    expect(await find('up')).toMatchObject({ classification: 'confidential', arrivals: 2 });
    expect(await find('down')).toMatchObject({ classification: 'confidential', arrivals: 2 });
  });

  it('that is confidential loses all answers with its data, also those that come later', async () => {
    const leak = '{"detail":"Deichweg 3 is too short"}';
    await yard.die('1', { error: { code: '422', answer: leak }, attributes: confidential });
    const { store } = yard.service.service;
    const attempt = { by: 'redrive', target: 'broker', code: 422, answer: leak, tookMs: 1, at: '2026' };
    const { seq = 0 } = (await find('1')) ?? {};
    await store.write((tx) => recordAttempt(tx, seq, attempt));
    const everything = async () =>
      JSON.stringify([
        await store.read.all('select * from dead_letters'),
        await store.read.all('select * from attempts'),
      ]);
    expect(await everything()).toContain('Deichweg');
    await close('1');
    await store.write((tx) => recordAttempt(tx, seq, attempt));
    expect(await everything()).not.toMatch(new RegExp(`Deichweg|${Buffer.from(leak).toString('base64')}`));
    expect(await find('1')).toMatchObject({ code: 422, cause: 'refused', answer: '' });
  });

  it('loses its data when it is closed, unless it is internal', async () => {
    await yard.die('open', { error: person });
    await yard.die('secret', { error: person, attributes: confidential });
    expect((await find('secret'))?.event()?.data?.toString()).toBe('{"total":4500}');
    await close('open');
    await close('secret');
    expect((await find('open'))?.event()?.data?.toString()).toBe('{"total":4500}');
    const erased = await find('secret');
    expect(erased?.body).toBeUndefined();
    expect(erased?.event()).toBeUndefined();
    expect(erased?.attributes).toMatchObject({ id: 'secret' });
  });

  it('that a person has closed begins anew when it comes again', async () => {
    await yard.die('1', { error: person });
    const before = await find('1');
    await close('1', 'replayed');
    await yard.die('1', { error: { code: '400' } });
    const again = await find('1');
    expect(again).toMatchObject({
      seq: before?.seq,
      state: 'held',
      outcome: null,
      closedAt: null,
      arrivals: 2,
      code: 400,
    });
    expect((again?.diedAt ?? '') > (before?.diedAt ?? '')).toBe(true);
  });

  it('of a person is taken over by the redriver when it dies for a passing cause', async () => {
    await yard.die('1', { error: person });
    await yard.die('1', { error: { code: '503' } });
    await yard.becomes('1', 'closed');
    expect(yard.subscriber.ids()).toEqual(['1']);
  });

  it('of a person that dies for a passing cause has all the time there is, however old it is', async () => {
    await yard.subscriber.leave();
    await yard.die('1', { error: person });
    await yard.service.advance(10 * DAY_MS);
    await yard.die('1', { error: { code: '503' } });
    const { diedAt, lastDiedAt, state } = await yard.letter('1');
    expect(state).toBe('waiting');
    expect(diedAt).toBe(lastDiedAt);
  });

  it('that was given up stays so when it comes again', async () => {
    await yard.subscriber.leave();
    await yard.die('1');
    await yard.service.advance(4 * DAY_MS);
    await yard.becomes('1', 'held');
    await yard.die('1');
    expect(await yard.letter('1')).toMatchObject({
      state: 'held',
      arrivals: 2,
      givenUpAt: expect.any(String),
    });
  });

  it('keeps its last fifty attempts, and counts all', async () => {
    await yard.die('1', { error: person });
    const { seq = 0 } = (await find('1')) ?? {};
    const attempt = { by: 'redrive', target: 'broker', code: 500, answer: 'no', tookMs: 1.4 };
    await yard.service.service.store.write(async (tx) => {
      for (let number = 0; number < 60; number += 1) {
        await recordAttempt(tx, seq, { ...attempt, at: new Date(number).toISOString() });
      }
    });
    const { attempts, attemptsMade } = await yard.letter('1');
    expect(attemptsMade).toBe(60);
    expect(attempts).toHaveLength(50);
    expect(attempts[0].at).toBe(new Date(59).toISOString());
    expect(attempts[49].at).toBe(new Date(10).toISOString());
  });
});

describe('Retention', () => {
  it('removes settled letters with all that belongs to them', async () => {
    await yard.die('1');
    await yard.becomes('1', 'closed');
    await yard.service.advance(89 * DAY_MS);
    expect(await count('dead_letters')).toBe(1);
    await yard.service.advance(2 * DAY_MS);
    await until('it is gone', async () => (await count('dead_letters')) === 0);
    expect(await count('attempts')).toBe(0);
    expect(await count('dead_letter_bodies')).toBe(0);
    expect(await count('audit')).toBe(0);
  });

  it('removes open letters too, and writes down each of them', async () => {
    await yard.die('1', { error: person });
    await yard.service.advance(50 * DAY_MS);
    await yard.die('2', { error: person });
    await yard.service.advance(41 * DAY_MS);
    await until('the first is gone', async () => (await count('dead_letters')) === 1);
    expect(await find('2')).toMatchObject({ state: 'held' });
    const { read } = yard.service.service.store;
    const entry = await read.get<{ actor: string; action: string; detail: string }>('select * from audit');
    expect(entry).toMatchObject({ actor: 'retention', action: 'discard' });
    expect(JSON.parse(entry?.detail ?? '{}')).toMatchObject({ eventId: '1', cause: 'refused' });
    expect(entry?.detail).not.toContain('4500');
  });
});
