import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../support/until.ts';
import { everything, openDesk, toPayment, type Desk } from './desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

describe('a replay of kept events', () => {
  it('brings one event to a service as it was, under its own id, marked with the id of the replay', async () => {
    await desk.keepAll('one', 'other');
    const id = await desk.replay({ ...toPayment, select: { ids: ['one'] } });
    expect(await desk.finish(id)).toMatchObject({ state: 'done', total: 1, sent: 1, refused: 0, left: 0 });
    expect(desk.payment.got).toHaveLength(1);
    expect(desk.payment.got[0]).toMatchObject({
      path: '/events',
      body: '{"total":4500}',
      headers: {
        'ce-id': 'one',
        'ce-source': '/tradewind/storefront',
        'ce-type': 'shop.tradewind.order.placed.v1',
        'ce-subject': 'TW-one',
        'ce-partitionkey': 'customer-of-one',
        'content-type': 'application/json',
        'knative-replay': id,
      },
    });
    expect(desk.broker.got).toEqual([]);
  });

  it('goes through the broker to whoever wants it, when nobody is named', async () => {
    await desk.keepAll('one');
    const id = await desk.replay({ of: 'events', select: { ids: ['one'] } });
    await desk.finish(id);
    expect(desk.broker.got).toMatchObject([{ path: '/default/shop', headers: { 'knative-replay': id } }]);
    expect(desk.payment.got).toEqual([]);
  });

  it('takes what was kept in a time: from its beginning, before its end', async () => {
    await desk.keepAll('before');
    await desk.service.advance(60_000);
    await desk.keepAll('within-1', 'within-2');
    await desk.service.advance(60_000);
    await desk.keepAll('after');
    const { items } = (await desk.staff('GET', '/api/events')).body;
    const at = (id: string): string => items.find((event: { id: string }) => event.id === id).keptAt;
    const select = { from: at('within-1'), to: at('after') };
    await desk.finish(await desk.replay({ ...toPayment, select }));
    expect(desk.payment.ids().toSorted()).toEqual(['within-1', 'within-2']);
  });

  it.each([
    ['type', { type: 'shop.tradewind.order.expired.v1' }],
    ['source', { source: '/tradewind/elsewhere' }],
    ['subject', { subject: 'TW-X' }],
    ['correlation', { correlation: 'TW-X' }],
    ['several at once', { correlation: 'TW-X', type: 'shop.tradewind.order.expired.v1' }],
  ])('takes what fits by %s', async (_, select) => {
    await desk.keepAll('other-1');
    await desk.keep('fits', {
      type: 'shop.tradewind.order.expired.v1',
      source: '/tradewind/elsewhere',
      subject: 'TW-X',
      correlationid: 'TW-X',
    });
    await desk.keep('other-2', { source: '/tradewind/somewhere' });
    await desk.finish(await desk.replay({ ...toPayment, select }));
    expect(desk.payment.ids()).toEqual(['fits']);
  });

  it('sends nothing that was kept after it was ordered', async () => {
    await desk.keepAll('a', 'b', 'c');
    const id = await desk.replay({ ...everything, rate: 1 });
    await desk.keepAll('too-late');
    expect(await desk.finish(id)).toMatchObject({ total: 3, sent: 3 });
    expect(desk.payment.ids()).toEqual(['a', 'b', 'c']);
  });

  it('keeps to what a dry run has shown, when it is given its cut-off', async () => {
    await desk.keepAll('a', 'b');
    const shown = await desk.staff('POST', '/api/replays', { ...everything, dryRun: true, reason: 'to see' });
    expect(shown).toMatchObject({ status: 200, body: { total: 2, to: 'payment' } });
    expect(shown.body.items.map((item: { id: string }) => item.id)).toEqual(['a', 'b']);
    await desk.service.advance(1000);
    await desk.keepAll('too-late');
    await desk.finish(await desk.replay({ ...everything, until: shown.body.until }));
    expect(desk.payment.ids().toSorted()).toEqual(['a', 'b']);
  });

  it('shows a dry run without sending anything or writing anything down', async () => {
    await desk.keepAll('a');
    await desk.staff('POST', '/api/replays', { ...everything, dryRun: true, reason: 'to see' });
    await desk.service.advance(1000);
    expect(desk.payment.got).toEqual([]);
    expect((await desk.staff('GET', '/api/replays')).body.items).toEqual([]);
    expect((await desk.staff('GET', '/api/audit')).body.items).toEqual([]);
  });

  it('delivers an event twice under the same id when it is replayed twice', async () => {
    await desk.keepAll('one');
    const ids = [await desk.replay(everything), await desk.replay(everything)];
    for (const id of ids) expect(await desk.finish(id)).toMatchObject({ state: 'done', sent: 1 });
    expect(desk.payment.ids()).toEqual(['one', 'one']);
  });

  it('sends no more in a second than its rate allows', async () => {
    const ids = Array.from({ length: 120 }, (_, index) => `e${index}`);
    await desk.keepAll(...ids);
    const id = await desk.replay({ ...everything, rate: 100 });
    await until('it is done', async () => (await desk.stateOf(id)).state === 'done');
    const times = desk.payment.got.map(({ at }) => at);
    // Timers may be a little early, never much: 100 events after the first, a second is over.
    expect((times[100] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
    expect(desk.payment.ids().toSorted()).toEqual(ids.toSorted());
  });

  it('keeps the order of each partition key, and has several keys on their way at once, eight at most', async () => {
    const events = Array.from({ length: 45 }, (_, index) => ({ id: `e${index}`, key: `key-${index % 11}` }));
    for (const { id, key } of events) await desk.keep(id, { partitionkey: key });
    const busy = new Set<string>();
    const held: (() => void)[] = [];
    let most = 0;
    let overtaken = 0;
    desk.payment.answer = ({ headers }, response) => {
      const key = String(headers['ce-partitionkey']);
      if (busy.has(key)) overtaken += 1;
      busy.add(key);
      most = Math.max(most, busy.size);
      const answer = (): void => {
        busy.delete(key);
        response.writeHead(204).end();
      };
      if (most < 8) held.push(answer);
      else for (const each of [...held.splice(0), answer]) setTimeout(each, Math.random() * 10);
    };
    await desk.finish(await desk.replay(everything));
    expect({ overtaken, most }).toEqual({ overtaken: 0, most: 8 });
    for (const { key } of events) {
      const arrived = desk.payment.got.filter(({ headers }) => headers['ce-partitionkey'] === key);
      const ids = events.filter((event) => event.key === key).map((event) => event.id);
      expect(arrived.map(({ headers }) => headers['ce-id'])).toEqual(ids);
    }
  });

  it('finds the few that fit among many', async () => {
    await desk.keep('first', { subject: 'TW-X' });
    await desk.service.service.store.write((tx) =>
      tx.run(`insert into archive (id, source, type, subject, kept_at, arrivals, size, attributes)
        with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 5000)
        select 'many-' || n, source, type, 'TW-Y', kept_at, 1, 1, attributes from archive, numbers`),
    );
    await desk.keep('last', { subject: 'TW-X' });
    const id = await desk.replay({
      ...toPayment,
      select: { subject: 'TW-X', source: '/tradewind/storefront' },
    });
    expect(await desk.finish(id)).toMatchObject({ total: 2, sent: 2 });
    expect(desk.payment.ids().toSorted()).toEqual(['first', 'last']);
  });
});
