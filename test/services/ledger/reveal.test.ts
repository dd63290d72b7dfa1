import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '../../support/receiver.ts';
import { until } from '../../support/until.ts';
import { openDesk, type Desk } from './desk.ts';

describe('revealing', () => {
  let desk: Desk;
  beforeEach(async () => {
    desk = await openDesk();
  });
  afterEach(() => desk.close());

  const confidential = { dataclassification: 'confidential' };
  const act = { reason: 'the customer asks where it went', by: 'Ada' };
  const reveal = (seq: number) => desk.staff('POST', `/api/dead-letters/${seq}/reveal`, act);
  const audited = async () => (await desk.staff('GET', '/api/audit')).body.items;

  it('answers confidential data, and writes down who looked, at what and why, without the data', async () => {
    const seq = await desk.die('secret', confidential, '{"line1":"Deichweg 3"}');
    const { status, headers, body } = await reveal(seq);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toEqual({
      id: seq,
      contentType: 'application/json',
      data: { line1: 'Deichweg 3' },
      answer: '{"detail":"lines: is missing"}',
      attempts: [],
    });
    const detail = {
      letter: seq,
      event: 'secret',
      type: 'shop.tradewind.order.placed.v1',
      reason: act.reason,
    };
    expect(await audited()).toEqual([
      { seq: 1, at: expect.any(String), by: 'Ada', action: 'reveal', detail },
    ]);
  });

  it('writes down every look', async () => {
    const seq = await desk.die('secret', confidential);
    await reveal(seq);
    await reveal(seq);
    expect(await audited()).toHaveLength(2);
  });

  it('is the only way to what was answered to a replay', async () => {
    desk.payment.answer = status(422, 'Deichweg 3 is no street');
    const seq = await desk.die('secret', confidential);
    const select = { ids: [seq] };
    const replay = await desk.finish(await desk.replay({ of: 'dead-letters', select }));
    expect(replay.failures).toMatchObject([{ eventId: 'secret', code: 422, answer: '' }]);
    const { body } = await desk.staff('GET', `/api/dead-letters/${seq}`);
    expect(body.attempts).toMatchObject([{ code: 422, answer: '' }]);
    expect((await reveal(seq)).body.attempts).toMatchObject([{ answer: 'Deichweg 3 is no street' }]);
  });

  it('keeps what holds a replay up out of it too', async () => {
    desk.payment.answer = status(503, 'Deichweg 3 is no street');
    const seq = await desk.die('secret', confidential);
    const id = await desk.replay({ of: 'dead-letters', select: { ids: [seq] } });
    let replay = (await desk.staff('GET', `/api/replays/${id}`)).body;
    await until('it waits', async () => {
      replay = (await desk.staff('GET', `/api/replays/${id}`)).body;
      return replay.state === 'waiting';
    });
    expect(replay.lastError).toMatchObject({ code: 503, answer: '' });
  });

  it('answers nothing when the look cannot be written down', async () => {
    const seq = await desk.die('secret', confidential, '{"line1":"Deichweg 3"}');
    await desk.service.service.store.write((tx) => tx.run('alter table audit rename to lost'));
    const { status, body } = await reveal(seq);
    expect(status).toBeGreaterThanOrEqual(500);
    expect(JSON.stringify(body)).not.toContain('Deichweg');
  });

  it('answers data longer than any page in full, as bytes', async () => {
    const data = JSON.stringify({ line1: 'x'.repeat(100_000) });
    const seq = await desk.die('secret', confidential, data);
    const { body } = await reveal(seq);
    expect(Buffer.from(body.dataBase64, 'base64').toString()).toBe(data);
  });

  it('answers what is no event, as text', async () => {
    const headers = { 'content-type': 'text/plain' };
    await desk.service.call('POST', '/dead-letters', { body: 'no event', headers });
    expect((await reveal(1)).body).toMatchObject({ id: 1, contentType: 'text/plain', dataText: 'no event' });
  });

  it('says so when the data is erased, and writes nothing down', async () => {
    const seq = await desk.die('secret', confidential);
    await desk.staff('POST', '/api/dead-letters/discard', { select: { ids: [seq] }, ...act });
    expect(await reveal(seq)).toMatchObject({
      status: 409,
      body: { detail: `the data of dead letter ${seq} was erased when it was discarded` },
    });
    expect(await audited()).toMatchObject([{ action: 'discard' }]);
  });

  it('does not know what was never there', async () => {
    expect(await reveal(7)).toMatchObject({ status: 404, body: { detail: 'there is no dead letter "7"' } });
    expect(await audited()).toEqual([]);
  });
});
