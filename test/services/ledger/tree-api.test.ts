import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orderAddressed } from '../../../events/order.ts';
import { Archivist, exampleOf } from './archivist.ts';

describe('the tree of an order', () => {
  let archivist: Archivist;
  beforeEach(async () => {
    // Nothing is delivered again by itself: its subscriber is nowhere.
    archivist = await Archivist.open({ REDRIVE_HOSTS: 'nowhere.example' });
  });
  afterEach(() => archivist[Symbol.asyncDispose]());

  const story = { correlationid: 'TW-1', subject: 'TW-1' };
  const keep = (id: string, causationid?: string, more: Record<string, string> = {}): Promise<string> =>
    archivist.keep({ ...story, id, ...(causationid === undefined ? {} : { causationid }), ...more });

  it('tells the whole story: what followed from what, what died, what is missing', async () => {
    await keep('placed');
    await keep('paid', 'placed', { time: '2026-11-24T09:30:00Z' });
    await keep('paid', 'placed');
    await keep('reserved', 'placed');
    await keep('readdressed', 'moved', { correlationid: 'TW-1' });
    await archivist.keep({ id: 'moved', correlationid: 'cus-1' });
    await keep('prepared', 'addressed');
    await archivist.die({ ...story, id: 'reserved', causationid: 'placed' });
    const { status, headers, body } = await archivist.get('/api/trees/TW-1');
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    const words = expect.stringMatching(/payment.*refused/);
    const died = {
      id: 1,
      subscriber: expect.stringContaining('payment'),
      cause: 'refused',
      state: 'held',
      words,
    };
    expect(body).toMatchObject({
      correlation: 'TW-1',
      events: 5,
      deadLetters: 1,
      truncated: false,
      roots: [
        {
          id: 'placed',
          children: [
            { id: 'paid', duplicate: true, arrivals: 2, time: '2026-11-24T09:30:00Z' },
            { id: 'reserved', deadLetters: [died] },
          ],
        },
        { id: 'moved', note: 'belongs to the story of cus-1', children: [{ id: 'readdressed' }] },
        { id: 'addressed', missing: true, children: [{ id: 'prepared' }] },
      ],
    });
  });

  it('has a dead letter that is confidential as a node, and nothing of its data', async () => {
    const { attributes } = exampleOf(orderAddressed);
    await archivist.die({ ...attributes, ...story, id: 'addressed' });
    await keep('prepared', 'addressed');
    const { body } = await archivist.get('/api/trees/TW-1');
    expect(body).toMatchObject({
      events: 1,
      deadLetters: 1,
      roots: [{ id: 'addressed', type: orderAddressed.type, missing: true, children: [{ id: 'prepared' }] }],
    });
    expect(body.roots[0].note).toBe('confidential: it is not kept, only that it died');
  });

  it('has 2,000 events at most and says that there is more', async () => {
    await archivist.service.service.store.write((tx) =>
      tx.run(`with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 2001)
        insert into archive (id, source, type, correlation_id, causation_id, kept_at, arrivals, size, attributes)
        select n, '/x', 'x', 'TW-1', n - 1, '2026-11-24T00:00:00.000Z', 1, 2, '{}' from numbers`),
    );
    const { body } = await archivist.get('/api/trees/TW-1');
    expect(body).toMatchObject({ events: 2000, truncated: true });
    expect(JSON.stringify(body)).toContain('"id":"2000"');
    expect(JSON.stringify(body)).not.toContain('"id":"2001"');
  });

  it('is not there where nothing is known, with a sentence that says why', async () => {
    const { status, body } = await archivist.get('/api/trees/TW-2');
    expect([status, body.detail]).toEqual([
      404,
      'nothing is kept of "TW-2": nothing has happened to it yet, it is older than the archive, or its name is another',
    ]);
  });

  it('is found by a name with any characters', async () => {
    const correlationid = 'a/b ü?#';
    await archivist.keep({ id: 'a', correlationid });
    const { body } = await archivist.get(`/api/trees/${encodeURIComponent(correlationid)}`);
    expect(body).toMatchObject({ correlation: correlationid, events: 1 });
  });
});
