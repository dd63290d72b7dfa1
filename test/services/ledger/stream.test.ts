import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { STAFF_TOKEN } from '../../support/service.ts';
import { watch, type Watch } from '../../support/sse.ts';
import { until } from '../../support/until.ts';
import { Archivist } from './archivist.ts';

const authorization = `Bearer ${STAFF_TOKEN}`;
let archivist: Archivist;
const open: Watch[] = [];
beforeEach(async () => {
  archivist = await Archivist.open();
});
afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await archivist[Symbol.asyncDispose]();
});

async function follow(path: string, headers: Record<string, string> = {}): Promise<Watch> {
  const each = await watch(archivist.url + path, { authorization, ...headers });
  open.push(each);
  return each;
}

const idsOf = (each: Watch): unknown[] => each.entries().map(({ data }) => data['id']);

describe('the stream of events', () => {
  it('tells what is kept from now on, as soon as it is, each once', async () => {
    await archivist.keep({ id: 'before' });
    const stream = await follow('/api/events/stream');
    await until('it has begun', () => stream.text() !== '');
    const about = { subject: 'TW-1', correlationid: 'TW-1', causationid: 'a', time: '2026-11-24T09:30:00Z' };
    await archivist.keep({ id: 'x', ...about });
    await stream.take(1);
    await archivist.keep({ id: 'x', ...about });
    await archivist.keep({ id: 'y' });
    const entries = await stream.take(2);
    expect(entries.map(({ event, data }) => [event, data['id']])).toEqual([
      ['kept', 'x'],
      ['kept', 'y'],
    ]);
    expect(entries[0]?.id).toBe('2');
    expect(entries[0]?.data).toEqual({
      seq: 2,
      id: 'x',
      source: '/test',
      type: 'test.happened.v1',
      ...about,
      keptAt: expect.any(String),
      arrivals: 1,
      size: expect.any(Number),
    });
  });

  it('tells only what fits its filters', async () => {
    const filters = [
      'type=b',
      'source=/s',
      'subject=TW-1',
      'correlation=TW-2',
      'type=b&subject=TW-1&source=/s',
    ];
    const streams = await Promise.all(
      filters.map((filter) => follow(`/api/events/stream?after=0&${filter}`)),
    );
    await archivist.keep({ id: '1', type: 'b', subject: 'TW-1' });
    await archivist.keep({ id: '2', type: 'a', source: '/s', subject: 'TW-1' });
    await archivist.keep({ id: '3', type: 'b', source: '/s', subject: 'TW-1', correlationid: 'TW-2' });
    await until('the last one everywhere', () => streams.every((each) => idsOf(each).includes('3')));
    expect(streams.map((each) => idsOf(each).join(''))).toEqual(['13', '23', '123', '3', '3']);
  });

  it('goes on where its reader left off, by header before query, over a restart', async () => {
    for (const id of ['1', '2', '3', '4']) await archivist.keep({ id });
    const all = await follow('/api/events/stream?after=0');
    await all.take(4);
    await archivist.service.restart();
    await until('the stream has ended', () => all.ended());
    await archivist.keep({ id: '5' });
    const byHeader = await follow('/api/events/stream?after=1', { 'last-event-id': '4' });
    const byQuery = await follow('/api/events/stream?after=3');
    await archivist.keep({ id: '6' });
    await until('the last one everywhere', () =>
      [byHeader, byQuery].every((each) => idsOf(each).includes('6')),
    );
    expect([idsOf(byHeader), idsOf(byQuery)]).toEqual([
      ['5', '6'],
      ['4', '5', '6'],
    ]);
  });

  it('does not wait for ever behind a number that another archive gave', async () => {
    const stream = await follow('/api/events/stream', { 'last-event-id': '1000' });
    await until('it has begun', () => stream.text() !== '');
    await archivist.keep({ id: 'x' });
    await stream.take(1);
  });

  it('tells a long past in order, and what comes meanwhile', async () => {
    const ids = Array.from({ length: 350 }, (_, n) => String(n));
    await Promise.all(ids.map((id) => archivist.keep({ id })));
    const stream = await follow('/api/events/stream?after=0');
    await archivist.keep({ id: 'late' });
    const entries = await stream.take(351);
    expect(entries.map(({ id }) => Number(id))).toEqual(Array.from({ length: 351 }, (_, n) => n + 1));
    expect(new Set(idsOf(stream)).size).toBe(351);
  });

  it('passes over what is frequent and does not fit without reading it twice', async () => {
    await archivist.service.service.store.write((tx) =>
      tx.run(`with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 5000)
        insert into archive (id, source, type, kept_at, arrivals, size, attributes)
        select n, '/frequent', 'frequent', '2026-11-24T00:00:00.000Z', 1, 2, '{}' from numbers`),
    );
    await archivist.service.restart({ LEDGER_HEARTBEAT: '20ms' });
    const stream = await follow('/api/events/stream?after=0&type=frequent&source=/rare');
    await until('it says how far it has come', () => /^id: 5000$/m.test(stream.text()));
    await archivist.keep({ id: 'x', type: 'frequent', source: '/rare' });
    expect((await stream.take(1)).map(({ id }) => id)).toEqual(['5001']);
  });

  it.each([
    ['?after=x', {}, 'after'],
    ['', { 'last-event-id': 'x' }, 'last-event-id'],
    ['?typ=x', {}, 'typ'],
  ])('refuses %s %j, naming it', async (query, headers, field) => {
    const { status, body } = await archivist.get(`/api/events/stream${query}`, headers);
    expect([status, body.errors[0].field]).toEqual([422, field]);
  });

  it('answers HEAD with its headers, and takes no place', async () => {
    await archivist.service.restart({ LEDGER_STREAMS: '1' });
    for (let n = 0; n < 3; n += 1) {
      const { status, headers } = await archivist.service.call('HEAD', '/api/events/stream', { staff: true });
      expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    }
    expect([
      (await follow('/api/events/stream')).status,
      (await follow('/api/events/stream')).status,
    ]).toEqual([200, 503]);
  });

  it('does not hold up a shutdown', async () => {
    const stream = await follow('/api/events/stream');
    await until('it has begun', () => stream.text() !== '');
    const start = performance.now();
    await archivist.service.service.close();
    expect(performance.now() - start).toBeLessThan(4000);
    await until('the stream has ended', () => stream.ended());
  });
});

const keep = (id: string, causationid?: string, time?: string): Promise<string> =>
  archivist.keep({
    id,
    correlationid: 'TW-1',
    ...(causationid === undefined ? {} : { causationid }),
    ...(time === undefined ? {} : { time }),
  });
const placesOf = (each: Watch): unknown[] =>
  each.entries().map(({ data }) => [data['id'], data['parent'], data['depth'], data['afterMs']]);

describe('the stream of a tree', () => {
  it('tells the story from its beginning, and on, with parent, depth and time since the cause', async () => {
    await keep('a', undefined, '2026-11-24T09:30:00.000Z');
    await archivist.keep({ id: 'other', correlationid: 'TW-2' });
    await keep('b', 'a', '2026-11-24T09:30:00.250Z');
    const stream = await follow('/api/trees/TW-1/stream');
    await stream.take(2);
    await keep('c', 'b');
    await keep('d', 'gone');
    await keep('e', 'e');
    expect((await stream.take(5)).map(({ event }) => event)).toEqual(Array.from({ length: 5 }, () => 'kept'));
    expect(placesOf(stream)).toEqual([
      ['a', undefined, 0, undefined],
      ['b', 'a', 1, 250],
      ['c', 'b', 2, undefined],
      ['d', 'gone', 1, undefined],
      ['e', 'e', 0, undefined],
    ]);
  });

  it('knows the depth of what follows from what its reader has already', async () => {
    for (const [id, cause] of [['a'], ['b', 'a'], ['c', 'b'], ['d', 'c']] as const) await keep(id, cause);
    const stream = await follow('/api/trees/TW-1/stream', { 'last-event-id': '3' });
    await keep('e', 'd');
    await stream.take(2);
    expect(placesOf(stream)).toEqual([
      ['d', 'c', 3, undefined],
      ['e', 'd', 4, undefined],
    ]);
  });

  it('waits for a story that has not begun', async () => {
    const stream = await follow('/api/trees/TW-1/stream');
    await until('it has begun', () => stream.text() !== '');
    await keep('a');
    await stream.take(1);
  });

  it('goes round in no circle', async () => {
    for (const [id, cause] of [
      ['a', 'c'],
      ['b', 'a'],
      ['c', 'b'],
      ['d', 'c'],
    ] as const)
      await keep(id, cause);
    const stream = await follow('/api/trees/TW-1/stream');
    await stream.take(4);
    expect(idsOf(stream)).toEqual(['a', 'b', 'c', 'd']);
  });
});
