import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
    expect(body).toEqual({ id: seq, contentType: 'application/json', data: { line1: 'Deichweg 3' } });
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
    expect((await reveal(1)).body).toEqual({ id: 1, contentType: 'text/plain', dataText: 'no event' });
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
