import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openReceiver, status } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { openDesk, type Desk } from './desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

const letter = async (seq: number) => (await desk.staff('GET', `/api/dead-letters/${seq}`)).body;
const lettersOf = (select: object) => ({ of: 'dead-letters', select });

describe('a replay of dead letters', () => {
  it('brings one to the subscriber that failed, closes it, and is in the audit log', async () => {
    const seq = await desk.die('bad');
    const id = await desk.replay(lettersOf({ ids: [seq] }));
    expect(await desk.finish(id)).toMatchObject({ state: 'done', to: 'subscriber', total: 1, sent: 1 });
    expect(desk.payment.got).toMatchObject([
      { path: '/events', headers: { 'ce-id': 'bad', 'knative-replay': id } },
    ]);
    expect(desk.payment.got[0]?.headers).not.toHaveProperty('ce-knativeerrordest');
    expect(await letter(seq)).toMatchObject({
      state: 'closed',
      outcome: 'replayed',
      attempts: [{ by: id, target: `${desk.payment.url}/events`, code: null }],
    });
    expect((await desk.staff('GET', '/api/audit')).body.items).toMatchObject([
      {
        action: 'replay',
        by: 'Ada',
        detail: {
          replay: id,
          of: 'dead-letters',
          select: { ids: [seq] },
          total: 1,
          reason: 'payment is mended',
        },
      },
    ]);
  });

  it('brings a group of them, in the order of their deaths', async () => {
    const type = 'shop.tradewind.order.expired.v1';
    const one = { type, partitionkey: 'one customer' };
    await desk.die('other');
    for (const id of ['first', 'second', 'third']) await desk.die(id, one);
    await desk.die('forbidden', { ...one, knativeerrorcode: '403' });
    await desk.die('elsewhere', { ...one, knativeerrordest: 'http://127.0.0.1:9/events' });
    const select = { subscriber: `${desk.payment.url}/events`, type, cause: 'refused' };
    expect(await desk.finish(await desk.replay(lettersOf(select)))).toMatchObject({ total: 3, sent: 3 });
    expect(desk.payment.ids()).toEqual(['first', 'second', 'third']);
  });

  it('takes what died in a time', async () => {
    const before = await desk.die('before');
    await desk.service.advance(60_000);
    await desk.die('within');
    await desk.service.advance(60_000);
    const after = await desk.die('after');
    const [from, to] = [(await letter(before)).diedAt, (await letter(after)).diedAt];
    await desk.finish(
      await desk.replay(lettersOf({ from: new Date(Date.parse(from) + 1).toISOString(), to })),
    );
    expect(desk.payment.ids()).toEqual(['within']);
  });

  it('goes to the broker or a service by name, when somebody says so, and closes it too', async () => {
    const [one, two] = [
      await desk.die('one'),
      await desk.die('two', { knativeerrordest: 'http://127.0.0.1:9/' }),
    ];
    await desk.finish(await desk.replay({ ...lettersOf({ ids: [one] }), to: 'broker' }));
    await desk.finish(await desk.replay({ ...lettersOf({ ids: [two] }), to: 'payment' }));
    expect([desk.broker.ids(), desk.payment.ids()]).toEqual([['one'], ['two']]);
    for (const seq of [one, two])
      expect(await letter(seq)).toMatchObject({ state: 'closed', outcome: 'replayed' });
  });

  it('leaves one open that is refused again, with what was answered', async () => {
    const seq = await desk.die('bad');
    desk.payment.answer = status(422, 'still not right');
    const id = await desk.replay(lettersOf({ ids: [seq] }));
    expect(await desk.finish(id)).toMatchObject({ sent: 0, refused: 1, failures: [{ seq, code: 422 }] });
    expect(await letter(seq)).toMatchObject({
      state: 'held',
      attempts: [{ by: id, code: 422, answer: 'still not right' }],
    });
  });

  it('closes it once, however often it is replayed', async () => {
    const seq = await desk.die('bad');
    const [first, second] = [
      await desk.replay(lettersOf({ all: true })),
      await desk.replay(lettersOf({ all: true })),
    ];
    const sent = [(await desk.finish(first)).sent, (await desk.finish(second)).sent];
    expect(sent[0] + sent[1]).toBe(desk.payment.got.length);
    expect(new Set(desk.payment.ids())).toEqual(new Set(['bad']));
    expect(await letter(seq)).toMatchObject({ state: 'closed', outcome: 'replayed' });
    const again = { ...lettersOf({ ids: [seq] }), reason: 'once more' };
    expect(await desk.staff('POST', '/api/replays', again)).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'select', message: expect.stringContaining('no open dead letter') }] },
    });
  });

  it('passes over what others have settled meanwhile', async () => {
    await desk.die('one');
    const two = await desk.die('two');
    const id = await desk.replay({ ...lettersOf({ all: true }), rate: 1 });
    await until('the first is sent', async () => (await desk.stateOf(id)).sent === 1);
    await desk.staff('POST', '/api/dead-letters/discard', { select: { ids: [two] }, reason: 'not needed' });
    const over = await desk.finish(id);
    expect(over).toMatchObject({ state: 'done', total: 2, left: 0 });
    expect(over.sent).toBe(desk.payment.got.length);
  });

  it('leaves out what has died again since it was ordered', async () => {
    const [one, two] = [await desk.die('one'), await desk.die('two')];
    await desk.service.advance(1000);
    const until = new Date(Date.parse((await letter(two)).diedAt) + 1).toISOString();
    await desk.staff('POST', '/api/dead-letters/discard', { select: { ids: [one] }, reason: 'not needed' });
    await desk.die('one');
    expect(await letter(one)).toMatchObject({ state: 'held', arrivals: 2 });
    await desk.finish(await desk.replay({ ...lettersOf({ all: true }), until }));
    expect(desk.payment.ids()).toEqual(['two']);
  });

  it('is not closed by its replay when it has died again meanwhile', async () => {
    const seq = await desk.die('bad');
    desk.payment.answer = (_got, response) => void desk.die('bad').then(() => response.writeHead(204).end());
    await desk.finish(await desk.replay(lettersOf({ ids: [seq] })));
    expect(await letter(seq)).toMatchObject({ state: 'held', arrivals: 2, attempts: [{ code: null }] });
  });

  it('leaves out what is no event, which can go nowhere', async () => {
    const headers = { 'content-type': 'text/plain' };
    await desk.service.call('POST', '/dead-letters', { body: 'no event', headers });
    await desk.die('an event');
    expect(await desk.finish(await desk.replay(lettersOf({ all: true })))).toMatchObject({
      total: 1,
      sent: 1,
    });
  });

  it('erases confidential data once it has arrived', async () => {
    const seq = await desk.die('secret', { dataclassification: 'confidential' }, '{"line1":"Deichweg 3"}');
    await desk.finish(await desk.replay(lettersOf({ ids: [seq] })));
    expect(desk.payment.got[0]?.body).toBe('{"line1":"Deichweg 3"}');
    const left = await desk.service.service.store.read.get(
      'select 1 from dead_letter_bodies where letter = $1',
      seq,
    );
    expect(left).toBeUndefined();
  });

  it('shows in a dry run whom each would go to', async () => {
    const seq = await desk.die('bad');
    const wish = { ...lettersOf({ all: true }), dryRun: true, reason: 'to see' };
    expect(await desk.staff('POST', '/api/replays', wish)).toMatchObject({
      status: 200,
      body: {
        total: 1,
        to: 'subscriber',
        items: [
          { seq, id: 'bad', subject: 'TW-bad', cause: 'refused', subscriber: `${desk.payment.url}/events` },
        ],
      },
    });
    expect(await letter(seq)).toMatchObject({ state: 'held', attempts: [] });
  });

  it('goes on to all others while one receiver is away, and comes back to that one', async () => {
    const away = await openReceiver();
    await away.leave();
    const gone = { knativeerrordest: `${away.url}/events` };
    const first = await desk.die('away-1', gone);
    for (let n = 0; n < 60; n += 1) await desk.die(`here-${n}`);
    const last = await desk.die('away-2', gone);
    const id = await desk.replay({ ...lettersOf({ all: true }), rate: 1000 });
    await until('all others have it', async () => (await desk.stateOf(id)).sent === 60);
    await until('it waits for the one alone', async () => (await desk.stateOf(id)).state === 'waiting');
    expect(await desk.stateOf(id)).toMatchObject({ left: 2, lastError: { eventId: 'away-1' } });
    await away.comeBack();
    expect(await desk.finish(id)).toMatchObject({ state: 'done', sent: 62, refused: 0 });
    expect([away.ids(), new Set(desk.payment.ids()).size]).toEqual([['away-1', 'away-2'], 60]);
    expect([(await letter(first)).outcome, (await letter(last)).outcome]).toEqual(['replayed', 'replayed']);
    await away[Symbol.asyncDispose]();
  });

  it('gives up a receiver that is away for too long, and lists what was for it', async () => {
    const ids = [await desk.die('one'), await desk.die('two')];
    await desk.payment.leave();
    const id = await desk.replay(lettersOf({ all: true }));
    await until('it waits', async () => (await desk.stateOf(id)).state === 'waiting');
    await desk.service.advance(4 * 86_400_000);
    expect(await desk.finish(id)).toMatchObject({
      state: 'done',
      sent: 0,
      refused: 2,
      failures: ids.map((seq) => ({ seq, answer: expect.stringContaining('ECONNREFUSED') })),
    });
    expect((await letter(ids[0] ?? 0)).state).toBe('held');
    await desk.payment.comeBack();
  });
});
