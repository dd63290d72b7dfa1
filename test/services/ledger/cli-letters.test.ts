import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '../../support/receiver.ts';
import { at, run } from './command.ts';
import { openDesk, type Desk } from './desk.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
beforeEach(() => {
  desk.payment.answer = status(204);
});
afterAll(async () => {
  await desk[Symbol.asyncDispose]();
});

const events = (...args: string[]) => run(args, at(desk));

describe('what could not be delivered', () => {
  it('is grouped, listed and shown with what to do', async () => {
    const id = await desk.die('d-1');
    const groups = await events('dead-letters');
    expect(groups.out).toContain('order.placed  refused (422)');
    expect(groups.out).toContain(`dead-letters show ${id}`);
    const list = await events('dead-letters', 'list', '--cause', 'refused', '--type', 'order.placed');
    expect(list.out).toMatch(new RegExp(`^ *${id} .*order\\.placed .* refused \\(422\\) +held$`, 'm'));
    const { out } = await events('dead-letters', 'show', String(id));
    expect(out).toContain('lines: is missing');
    expect(out).toContain('"total": 4500');
    expect(out).toContain(`replay ${id} --reason`);
  });

  it('goes again only when it is meant, and is followed to its end', async () => {
    const line = ['replay', String(await desk.die('d-2')), '--follow'];
    const dry = await events(...line, '--dry-run');
    expect(dry.out).toContain('1 dead letter would be delivered again; nothing was done.');
    expect([dry.code, desk.payment.ids()]).toEqual([0, []]);
    const real = await events(...line, '--reason', 'it is mended', '--by', 'Ada');
    expect(real.out).toContain('done: 1 of 1 sent, 0 refused');
    expect([real.code, desk.payment.ids()]).toEqual([0, ['d-2']]);
    expect((await events('dead-letters', 'list', '--order', 'TW-d-2')).out).toContain('No dead letter fits.');
    expect((await events('replays')).out).toContain('it is mended');
    expect((await events('audit')).out).toMatch(/Ada {2}replay {2}it is mended/);
  });

  it('fails the command when it is refused again', async () => {
    desk.payment.answer = status(422, 'no');
    const id = await desk.die('d-3');
    const { code, out, err } = await events('replay', String(id), '--follow', '--reason', 'to try');
    expect([code, err]).toEqual([1, expect.stringContaining('1 of 1 were refused again')]);
    expect(out).toMatch(/d-3 +422 no/);
  });

  it('shows what customers said to nobody but who gave a reason', async () => {
    const addressed = { dataclassification: 'confidential', type: 'shop.tradewind.order.addressed.v1' };
    const id = String(await desk.die('d-4', addressed, '{"city":"Hamburg"}'));
    const places = [
      ['dead-letters', 'list', '--json'],
      ['dead-letters', 'show', id, '--json'],
      ['tree', 'TW-d-4'],
    ];
    for (const place of [['dead-letters'], ['dead-letters', 'show', id], ...places]) {
      expect((await events(...place)).out).toMatch(/d-4|order\.addressed/);
      expect((await events(...place)).out).not.toContain('Hamburg');
    }
    const reveal = ['dead-letters', 'reveal', id];
    expect(await events(...reveal)).toMatchObject({ code: 2, out: '' });
    expect((await events(...reveal, '--reason', 'the customer asks')).out).toContain('"city": "Hamburg"');
    expect((await events('audit')).out).toMatch(/reveal {2}the customer asks/);
  });

  it('can be discarded, which a dry run counts', async () => {
    const dry = await events('discard', '--order', 'TW-d-1', '--dry-run', '--json');
    expect(JSON.parse(dry.out)).toMatchObject({ total: 1 });
    const { out } = await events('discard', '--all', '--reason', 'from a test');
    expect(out).toMatch(/^\d dead letters discarded/);
    expect((await events('dead-letters')).out).toMatch(/^No dead letter is open here\.$/m);
  });
});

describe('a replay', () => {
  it('is cancelled on the way', async () => {
    await desk.keep('e-1');
    await desk.keep('e-2');
    desk.broker.answer = status(503);
    const { out } = await events('replay', '--events', '--all', '--reason', 'too much', '--json');
    const { id } = JSON.parse(out) as { id: string };
    expect((await events('replay-status', id)).out).toMatch(/(?:running|waiting): 0 of 2 sent/);
    expect((await events('cancel', id, '--reason', 'too much')).out).toContain('cancelled: 0 of 2 sent');
  });
});
