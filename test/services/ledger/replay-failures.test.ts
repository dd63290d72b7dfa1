import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { everything, openDesk, type Desk } from './desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

describe('a replay that meets with failure', () => {
  it('waits while nobody is there, says what for, and goes on when its receiver is back', async () => {
    await desk.keepAll('a', 'b');
    await desk.payment.leave();
    const id = await desk.replay(everything);
    await until('it waits', async () => (await desk.stateOf(id)).state === 'waiting');
    expect(await desk.stateOf(id)).toMatchObject({
      sent: 0,
      refused: 0,
      left: 2,
      failures: [],
      lastError: { eventId: expect.any(String), code: 500, answer: expect.stringContaining('ECONNREFUSED') },
      nextAt: expect.any(String),
    });
    for (let minutes = 0; minutes < 10; minutes += 1) await desk.service.advance(60_000);
    expect(await desk.stateOf(id)).toMatchObject({ state: 'waiting', sent: 0, refused: 0 });
    await desk.payment.comeBack();
    const over = await desk.finish(id);
    expect(over).toMatchObject({ state: 'done', sent: 2, refused: 0, left: 0 });
    expect(over).not.toHaveProperty('lastError');
  });

  it.each([503, 429])('waits while it is answered %i', async (code) => {
    await desk.keepAll('a');
    desk.payment.answer = status(code);
    const id = await desk.replay(everything);
    for (let tries = 0; tries < 12; tries += 1) await desk.service.advance(60_000);
    expect(desk.payment.got.length).toBeGreaterThanOrEqual(12);
    expect(await desk.stateOf(id)).toMatchObject({ state: 'waiting', lastError: { code } });
    desk.payment.answer = status(204);
    expect(await desk.finish(id)).toMatchObject({ sent: 1, refused: 0 });
  });

  it('tries only what holds it up until that gets through, and repeats nothing that was settled', async () => {
    await desk.keepAll('bad', 'a', 'b', 'c');
    desk.payment.answer = ({ headers }, response) =>
      void response.writeHead(headers['ce-id'] === 'bad' ? 503 : 204).end();
    const id = await desk.replay(everything);
    for (let tries = 0; tries < 5; tries += 1) await desk.service.advance(60_000);
    desk.payment.answer = status(204);
    expect(await desk.finish(id)).toMatchObject({ sent: 4, refused: 0 });
    const others = desk.payment.ids().filter((each) => each !== 'bad');
    expect(others.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('counts and keeps what is refused, and goes on', async () => {
    await desk.keepAll('a', 'bad', 'c');
    desk.payment.answer = ({ headers }, response) =>
      headers['ce-id'] === 'bad'
        ? void response.writeHead(422).end('{"detail":"lines: is missing"}')
        : void response.writeHead(204).end();
    const over = await desk.finish(await desk.replay(everything));
    expect(over).toMatchObject({ state: 'done', total: 3, sent: 2, refused: 1, left: 0 });
    expect(over.failures).toEqual([
      {
        seq: 2,
        at: expect.any(String),
        eventId: 'bad',
        eventType: 'shop.tradewind.order.placed.v1',
        code: 422,
        answer: '{"detail":"lines: is missing"}',
      },
    ]);
    expect(desk.payment.ids().toSorted()).toEqual(['a', 'bad', 'c']);
  });

  it('takes five failures of a receiver that is there for a refusal', async () => {
    await desk.keepAll('bad', 'good');
    desk.payment.answer = ({ headers }, response) =>
      void response.writeHead(headers['ce-id'] === 'bad' ? 500 : 204).end();
    const over = await desk.finish(await desk.replay(everything));
    expect(over).toMatchObject({ sent: 1, refused: 1, failures: [{ eventId: 'bad', code: 500 }] });
    expect(desk.payment.ids().filter((id) => id === 'bad')).toHaveLength(5);
  });

  it('goes on where it was after a restart', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    await desk.keepAll(...ids);
    const id = await desk.replay({ ...everything, rate: 1 });
    await until('the first has arrived', () => desk.payment.got.length > 0);
    await desk.service.restart();
    expect(await desk.finish(id)).toMatchObject({ state: 'done', sent: 5 });
    expect(desk.payment.ids()).toEqual(ids);
  });

  it('repeats a batch whose answers a crash has lost, and counts each event once', async () => {
    await using hasty = await openDesk({ SHUTDOWN_GRACE: '0ms' });
    for (const id of ['a', 'b', 'c']) await hasty.keep(id);
    hasty.payment.answer = () => undefined;
    const id = await hasty.replay(everything);
    await until('all are on their way', () => hasty.payment.got.length === 3);
    // Nothing is waited for: what was at work is lost, as by a kill.
    await hasty.service.restart();
    hasty.payment.answer = status(204);
    expect(await hasty.finish(id)).toMatchObject({ state: 'done', total: 3, sent: 3, left: 0 });
    expect(hasty.payment.ids().toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  });

  it('ends when it is cancelled, once', async () => {
    await desk.keepAll('a', 'b', 'c');
    const id = await desk.replay({ ...everything, rate: 1 });
    await until('the first has arrived', async () => (await desk.stateOf(id)).sent === 1);
    const cancel = { reason: 'the wrong day', by: 'Ada' };
    for (const round of [1, 2]) {
      const { status: code, body } = await desk.staff('POST', `/api/replays/${id}/cancel`, cancel);
      expect([round, code, body.state]).toEqual([round, 200, 'cancelled']);
    }
    await desk.service.advance(60_000);
    const { state, sent, left } = await desk.stateOf(id);
    expect({ state, all: sent + left }).toEqual({ state: 'cancelled', all: 3 });
    expect(desk.payment.got.length).toBeLessThan(3);
    const { items } = (await desk.staff('GET', '/api/audit')).body;
    expect(items.map(({ action }: { action: string }) => action)).toEqual(['cancel', 'replay']);
  });

  it('cannot be cancelled when it is done', async () => {
    await desk.keepAll('a');
    const id = await desk.replay(everything);
    await desk.finish(id);
    const answer = await desk.staff('POST', `/api/replays/${id}/cancel`, { reason: 'too late' });
    expect(answer).toMatchObject({
      status: 409,
      body: { detail: `replay "${id}" is done: there is nothing to cancel` },
    });
  });
});
