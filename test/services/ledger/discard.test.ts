import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDesk, type Desk } from './desk.ts';

describe('discarding', () => {
  let desk: Desk;
  beforeEach(async () => {
    desk = await openDesk();
  });
  afterEach(() => desk.close());

  const discard = (select: object, more: object = {}) =>
    desk.staff('POST', '/api/dead-letters/discard', {
      select,
      reason: 'sent by a test',
      by: 'Ada',
      ...more,
    });
  const audited = async () => (await desk.staff('GET', '/api/audit')).body.items;
  const stateOf = async (seq: number) => {
    const { body } = await desk.staff('GET', `/api/dead-letters/${seq}`);
    return [body.state, body.outcome];
  };

  it('closes what is selected, delivers it to nobody, and writes it down once', async () => {
    const [one, two, other] = [await desk.die('one'), await desk.die('two'), await desk.die('other')];
    const { status, body } = await discard({ ids: [one, two] });
    expect(status).toBe(200);
    expect(body).toMatchObject({ discarded: 2, items: [{ seq: one, id: 'one' }, { seq: two }] });
    expect(await Promise.all([one, two].map(stateOf))).toEqual([
      ['closed', 'discarded'],
      ['closed', 'discarded'],
    ]);
    expect((await stateOf(other))[0]).toBe('held');
    await desk.service.advance(60_000);
    expect([...desk.payment.got, ...desk.broker.got]).toEqual([]);
    const detail = { select: { ids: [one, two] }, until: body.until, discarded: 2, reason: 'sent by a test' };
    expect(await audited()).toEqual([
      { seq: 1, at: expect.any(String), by: 'Ada', action: 'discard', detail },
    ]);
  });

  it('takes more than one transaction for many, and still is one entry with all of them', async () => {
    const { store } = desk.service.service;
    await desk.die('e0');
    await store.write(async (tx) => {
      for (let index = 1; index < 950; index += 1) {
        await tx.run(
          `insert into dead_letters (fingerprint, id, source, type, classification, subscriber, cause, answer, size,
             state, arrivals, attempts, failures, died_at, last_died_at, attributes)
           select $1, $1, source, type, classification, subscriber, cause, answer, size, state, arrivals, attempts,
             failures, died_at, last_died_at, attributes from dead_letters where seq = 1`,
          `e${index}`,
        );
      }
    });
    const { body } = await discard({ cause: 'refused' });
    expect(body.discarded).toBe(950);
    expect(body.items).toHaveLength(100);
    expect(await audited()).toMatchObject([{ action: 'discard', detail: { discarded: 950 } }]);
    expect(await store.read.all("select seq from dead_letters where state <> 'closed'")).toEqual([]);
  });

  it('erases what is confidential in them, and keeps the rest', async () => {
    const secret = await desk.die('secret', { dataclassification: 'confidential' });
    const plain = await desk.die('plain');
    await discard({ all: true });
    const { store } = desk.service.service;
    expect(await store.read.all('select letter from dead_letter_bodies order by letter')).toEqual([
      { letter: plain },
    ]);
    expect(await stateOf(secret)).toEqual(['closed', 'discarded']);
  });

  it('takes what is no event, too', async () => {
    const headers = { 'content-type': 'text/plain' };
    await desk.service.call('POST', '/dead-letters', { body: 'no event', headers });
    expect((await discard({ cause: 'unreadable' })).body).toMatchObject({ discarded: 1 });
  });

  it('leaves out what died after its cut-off', async () => {
    await desk.die('one');
    const shown = (await discard({ all: true }, { dryRun: true })).body;
    expect(shown).toMatchObject({ total: 1, items: [{ id: 'one' }] });
    await desk.service.advance(1000);
    const late = await desk.die('too-late');
    expect((await discard({ all: true }, { until: shown.until })).body).toMatchObject({ discarded: 1 });
    expect((await stateOf(late))[0]).toBe('held');
  });

  it('changes nothing and writes nothing down in a dry run', async () => {
    const seq = await desk.die('one');
    expect((await discard({ all: true }, { dryRun: true })).status).toBe(200);
    expect((await stateOf(seq))[0]).toBe('held');
    expect(await audited()).toEqual([]);
  });

  it('refuses a selection that nothing fits', async () => {
    const seq = await desk.die('one');
    await discard({ ids: [seq] });
    expect(await discard({ ids: [seq] })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'select' }] },
    });
    expect(await audited()).toHaveLength(1);
  });
});
