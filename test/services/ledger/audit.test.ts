import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDesk, type Desk } from './desk.ts';

describe('the audit log', () => {
  let desk: Desk;
  beforeEach(async () => {
    desk = await openDesk();
  });
  afterEach(() => desk.close());

  const order = (reason: string, more: object = {}) =>
    desk.staff('POST', '/api/replays', {
      of: 'events',
      select: { all: true },
      to: 'payment',
      reason,
      ...more,
    });

  it('answers page after page, the newest first, each entry once', async () => {
    await desk.keep('one');
    const reasons = Array.from({ length: 7 }, (_, index) => `reason ${index}`);
    for (const reason of reasons) await order(reason);
    const seen: string[] = [];
    let path = '/api/audit?limit=3';
    for (let page = 0; page < 3; page += 1) {
      const { status, headers, body } = await desk.staff('GET', path);
      expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
      seen.push(...body.items.map(({ detail }: { detail: { reason: string } }) => detail.reason));
      expect(typeof body.next).toBe(page < 2 ? 'string' : 'undefined');
      path = `/api/audit?limit=3&cursor=${body.next}`;
    }
    expect(seen).toEqual(reasons.toReversed());
  });

  it('says who acted, staff where nobody said so', async () => {
    await desk.keep('one');
    await order('nobody said who');
    await order('somebody did', { by: '  Ada  ' });
    const { items } = (await desk.staff('GET', '/api/audit')).body;
    expect(items.map(({ by }: { by: string }) => by)).toEqual(['Ada', 'staff']);
  });

  it.each(['retention', ' Redrive '])('lets nobody sign as %s, as the ledger itself does', async (by) => {
    await desk.keep('one');
    expect(await order('somebody did', { by })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'by' }] },
    });
    expect((await desk.staff('GET', '/api/audit')).body).toEqual({ items: [] });
  });

  it('has nothing of what was refused', async () => {
    await order('nothing is kept yet');
    await desk.staff('POST', '/api/replays', { of: 'events', select: {}, reason: 'empty' });
    expect((await desk.staff('GET', '/api/audit')).body).toEqual({ items: [] });
  });
});

describe('the list of replays', () => {
  it('answers page after page, the newest first, each replay once', async () => {
    await using desk = await openDesk();
    await desk.keep('one');
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      ids.push(await desk.replay({ of: 'events', select: { all: true }, to: 'payment' }));
    }
    const seen: string[] = [];
    let path: string | undefined = '/api/replays?limit=2';
    while (path !== undefined) {
      const { body } = await desk.staff('GET', path);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      path = body.next === undefined ? undefined : `/api/replays?limit=2&cursor=${body.next}`;
    }
    expect(seen).toEqual(ids.toReversed());
  });
});
