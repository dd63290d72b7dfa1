import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../../support/until.ts';
import { openGraveyard, TYPE, type Graveyard } from './graveyard.ts';
import type { Reader } from '../../../platform/store/store.ts';
import { openSamples } from '../../../services/ledger/letter-groups.ts';

const problem = JSON.stringify({
  detail: 'lines is missing',
  errors: [{ field: 'lines', message: 'is missing' }],
});
const person = { code: '422', answer: problem };

let yard: Graveyard;

beforeAll(async () => {
  yard = await openGraveyard();
  await yard.subscriber.leave();
  await yard.die('1', { error: person });
  await yard.die('2', { error: person, attributes: { correlationid: 'TW-2' } });
  await yard.die('3');
  await yard.die('4', {
    error: person,
    attributes: { dataclassification: 'confidential' },
    data: '{"street":"Hafen"}',
  });
  await yard.die('5', { error: undefined });
  await yard.becomes('5', 'closed');
});

afterAll(async () => {
  await yard[Symbol.asyncDispose]();
});

async function ids(query: string): Promise<string[]> {
  const { status, body, headers } = await yard.get(`/api/dead-letters${query}`);
  if (status !== 200) throw new Error(`${status}: ${body.detail}`);
  expect(headers.get('cache-control')).toBe('no-store');
  return body.items.map(({ event }: { event: { id: string } }) => event.id);
}

describe('The list of dead letters', () => {
  it.each([
    ['', ['4', '3', '2', '1']],
    ['?state=held', ['4', '2', '1']],
    ['?state=waiting', ['3']],
    ['?state=closed', ['5']],
    ['?cause=refused', ['4', '2', '1']],
    ['?cause=unreachable', ['3']],
    [`?type=${TYPE}`, ['4', '3', '2', '1']],
    ['?type=other', []],
    ['?correlation=TW-2', ['2']],
    ['?subscriber=', []],
    ['?subscriber=&state=closed', ['5']],
    ['?from=2126-01-01T00:00:00Z', []],
    ['?to=2126-01-01T00:00:00%2B01:00&state=held', ['4', '2', '1']],
  ])('has the newest first: %s', async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  it('comes in pages, and ends', async () => {
    const found: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 4; pages += 1) {
      const { body } = await yard.get(`/api/dead-letters?limit=2${cursor}`);
      found.push(...body.items.map(({ event }: { event: { id: string } }) => event.id));
      if (body.next === undefined) break;
      cursor = `&cursor=${body.next}`;
    }
    expect(found).toEqual(['4', '3', '2', '1']);
  });

  it('shows no data', async () => {
    const { body } = await yard.get('/api/dead-letters?cause=refused');
    expect(JSON.stringify(body)).not.toMatch(/street|4500/);
    expect(body.items[2]).toMatchObject({
      event: { id: '1', source: '/tradewind/storefront', type: TYPE, subject: 'TW-1', correlationid: 'TW-1' },
      subscriber: `${yard.subscriber.url}/events`,
      cause: 'refused',
      code: 422,
      state: 'held',
      arrivals: 1,
      size: 14,
    });
  });

  it.each(['?state=dead', '?cause=bad', '?limit=0', '?cursor=x', '?from=yesterday', '?stat=held'])(
    'refuses what it does not know: %s',
    async (query) => {
      expect((await yard.get(`/api/dead-letters${query}`)).status).toBe(422);
    },
  );

  it('is for staff', async () => {
    for (const path of ['', '/groups', '/1', '/1/body']) {
      expect((await yard.service.call('GET', `/api/dead-letters${path}`)).status).toBe(401);
    }
  });
});

describe('The groups of dead letters', () => {
  it('say what is open, and why', async () => {
    const { body } = await yard.get('/api/dead-letters/groups');
    expect(body.groups).toMatchObject([
      { type: TYPE, cause: 'refused', code: 422, count: 3, waiting: 0, held: 3, example: 4 },
      { type: TYPE, cause: 'unreachable', code: 500, count: 1, waiting: 1, held: 0, example: 3 },
    ]);
    expect(body.groups[0].words).toContain('refused this event (422)');
    expect(body.groups[0].oldest < body.groups[0].newest).toBe(true);
    expect((await yard.get('/api/dead-letters/groups?state=waiting')).body.groups).toHaveLength(1);
  });

  it('are numbers for the metrics too', async () => {
    const { body } = await yard.get('/metrics');
    expect(body).toMatch(
      new RegExp(
        `^tradewind_dead_letters_open\\{subscriber="${yard.subscriber.url}/events",cause="refused".*\\} 3$`,
        'm',
      ),
    );
    const oldest = Number(/^tradewind_dead_letters_oldest_seconds\{.*\} (.*)$/m.exec(body)?.[1]);
    expect(oldest).toBeGreaterThan(0);
    expect(oldest).toBeLessThan(60);
  });

  it('are counted for the metrics once in five seconds, however many ask', async () => {
    const { read } = yard.service.service.store;
    let asked = 0;
    const counting: Reader = {
      all: (sql, ...values) => ((asked += 1), read.all(sql, ...values)),
      get: (sql, ...values) => ((asked += 1), read.get(sql, ...values)),
    };
    const at = (ms: number) => openSamples(counting, new Date(ms));
    await Promise.all([at(0), at(0), at(60_000)]);
    await at(4999);
    expect(asked).toBe(1);
    await at(5000);
    expect(asked).toBe(2);
  });

  it('are counted anew after a count that failed', async () => {
    const { read } = yard.service.service.store;
    let fails = true;
    const failing: Reader = {
      all: async (sql, ...values) => {
        if (fails) throw new Error('not now');
        return read.all(sql, ...values);
      },
      get: (sql, ...values) => read.get(sql, ...values),
    };
    await expect(openSamples(failing, new Date(0))).rejects.toThrow('not now');
    fails = false;
    expect((await openSamples(failing, new Date(1))).length).toBeGreaterThan(0);
  });
});

describe('A dead letter', () => {
  it('tells all of itself', async () => {
    expect(await yard.letter('1')).toMatchObject({
      id: 1,
      event: { id: '1', partitionkey: 'customer-of-1', datacontenttype: 'application/json' },
      answer: problem,
      reason: 'lines is missing',
      fields: [{ field: 'lines', message: 'is missing' }],
      data: { total: 4500 },
      attempts: [],
      attemptsMade: 0,
    });
    await until('it was tried', async () => (await yard.letter('3')).attemptsMade > 0);
    const { attempts } = await yard.letter('3');
    expect(attempts[0]).toMatchObject({
      by: 'redrive',
      code: 500,
      answer: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('that is confidential shows its data nowhere', async () => {
    const letter = await yard.letter('4');
    expect(letter.redacted).toBe(true);
    expect(JSON.stringify(letter)).not.toContain('street');
    expect(JSON.stringify(letter)).not.toMatch(/is missing|knativeerrordata/);
    expect(letter).toMatchObject({
      cause: 'refused',
      code: 422,
      answer: '',
      reason: '',
      fields: [{ field: 'lines', message: '' }],
    });
    const { status, body } = await yard.get('/api/dead-letters/4/body');
    expect(status).toBe(403);
    expect(body.detail).toContain('reveal');
  });

  it('can be downloaded as it came', async () => {
    const { headers, body } = await yard.get('/api/dead-letters/1/body');
    expect(body).toBe('{"total":4500}');
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-disposition')).toMatch(/^attachment/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('that is settled and confidential is erased', async () => {
    await yard.die('6', { error: undefined, attributes: { dataclassification: 'confidential' } });
    const { id, erased, redacted } = await yard.becomes('6', 'closed');
    expect({ erased, redacted }).toEqual({ erased: true, redacted: undefined });
    expect((await yard.get(`/api/dead-letters/${id}/body`)).status).toBe(404);
  });

  it('with long or binary data shows the beginning, or base64', async () => {
    await yard.die('long', { error: person, data: `"${'x'.repeat(100_000)}"` });
    const long = await yard.letter('long');
    expect(long.dataText).toHaveLength(65_536);
    expect(long.note).toContain(`/api/dead-letters/${long.id}/body`);
    await yard.die('binary', {
      error: person,
      data: '\u0000\u0001',
      attributes: { datacontenttype: 'image/png' },
    });
    expect(await yard.letter('binary')).toMatchObject({ dataBase64: 'AAE=' });
    await yard.die('empty', { error: person, data: '' });
    const empty = await yard.letter('empty');
    expect(empty).not.toHaveProperty('data');
    expect(empty).not.toHaveProperty('erased');
  });

  it('that is no CloudEvent shows what it came with', async () => {
    const headers = { 'ce-dataclassification': 'internal', 'content-type': 'text/plain' };
    await fetch(`${yard.service.service.url}/dead-letters`, { method: 'POST', headers, body: 'hello' });
    const { body: page } = await yard.get('/api/dead-letters?cause=unreadable');
    expect(page.items).toHaveLength(1);
    expect(page.items[0]).not.toHaveProperty('event');
    const { body } = await yard.get(`/api/dead-letters/${page.items[0].id}`);
    expect(body).toMatchObject({
      dataText: 'hello',
      headers: { 'content-type': 'text/plain' },
      state: 'held',
    });
  });

  it('that is not there is not found', async () => {
    expect((await yard.get('/api/dead-letters/999')).status).toBe(404);
    expect((await yard.get('/api/dead-letters/999/body')).status).toBe(404);
    expect((await yard.get('/api/dead-letters/x')).status).toBe(422);
  });

  it('has words that name its cause', async () => {
    expect((await yard.letter('3')).words).toContain('could not be reached');
  });
});
