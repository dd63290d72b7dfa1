import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePortBase } from '../../support/ports.ts';
import { until } from '../../support/until.ts';
import { at, run, start, type RunningCommand } from './command.ts';
import { openDesk, type Desk } from './desk.ts';

const HOSTILE = '\u001b[2J\u009b31m';
const AUTHORIZED = {
  source: '/tradewind/payment',
  type: 'shop.tradewind.payment.authorized.v1',
  correlationid: 'TW-e-1',
  causationid: 'e-1',
};

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk({ PORT: String(await freePortBase(1)) });
  await desk.keep('e-1');
  await desk.keep('e-2', AUTHORIZED);
  await desk.keep('e-2', AUTHORIZED);
});
afterAll(async () => {
  await desk[Symbol.asyncDispose]();
});

const events = (...args: string[]) => run(args, at(desk));
const follow = (...args: string[]): RunningCommand => start(args, at(desk));
const inStory = (correlationid: string, causationid?: string): Record<string, string> => ({
  correlationid,
  ...(causationid === undefined ? {} : { causationid }),
});

describe('what has happened', () => {
  it('is listed, newest first, by the names that people use', async () => {
    const filters = ['--type', 'payment.authorized', '--source', 'payment', '--order', 'TW-e-1'];
    const { code, out } = await events('list', ...filters);
    expect(code).toBe(0);
    expect(out).toMatch(/^KEPT \(UTC\) .*\n\S+ \S+ {2}payment\.authorized .* e-2\n$/);
  });

  it('is one JSON document, over as many pages as it takes', async () => {
    const first = await events('list', '--json', '--limit', '1');
    expect(JSON.parse(first.out)).toMatchObject({
      items: [{ id: 'e-2', arrivals: 2 }],
      next: expect.any(String),
    });
    const ids = Array.from({ length: 120 }, (_, index) => `many-${index}`);
    await Promise.all(ids.map((id) => desk.keep(id, inStory('many'))));
    const { out } = await events('list', '--json', '--limit', '110', '--order', 'many');
    const { items } = JSON.parse(out) as { items: { id: string }[] };
    expect(new Set(items.map(({ id }) => id)).size).toBe(110);
  });

  it('is shown with data, safe on a terminal, and a curl that posts it again', async () => {
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'e-3',
      'ce-source': '/somebody',
      'ce-type': 'something',
      'ce-dataclassification': 'internal',
    };
    await desk.service.call('POST', '/events', { headers, body: { text: HOSTILE } });
    const { out } = await events('show', 'e-3');
    expect(out).toContain(String.raw`"text": "\u001b[2J\u009b31m"`);
    expect(out).toContain("-H 'ce-id: e-3'");
    expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });

  it('is not there under a wrong id, which is said', async () => {
    expect(await events('show', 'e-0')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('e-0'),
    });
    expect(await events('tree', 'TW-0')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('TW-0'),
    });
  });

  it('is a tree of causes', async () => {
    const { code, out } = await events('tree', 'TW-e-1');
    expect(code).toBe(0);
    expect(out).toMatch(/^order\.placed.*\n└─ payment\.authorized .*came 2 times$/m);
  });
});

describe('what happens', () => {
  it('is told without a gap when the ledger was away meanwhile, and until Ctrl-C', async () => {
    const tail = follow('tail', '--order', 'live', '--since', '1h', '--json');
    await desk.keep('live-1', inStory('live'));
    await tail.says('live-1');
    await desk.service.restart();
    await tail.says('trying again');
    await desk.keep('live-2', inStory('live'));
    await tail.says('live-2');
    tail.interrupt();
    expect(await tail.ended()).toBe(0);
    const ids = tail.out.trim().split('\n');
    expect(ids.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(['live-1', 'live-2']);
  });

  it('is a tree that grows', async () => {
    const tree = follow('tree', 'grows', '--follow');
    await desk.keep('grows-1', inStory('grows'));
    await tree.says('grows-1');
    await desk.keep('grows-2', inStory('grows', 'grows-1'));
    await tree.says('└─ order.placed');
    tree.interrupt();
    expect(await tree.ended()).toBe(0);
  });

  it('may be read only in part', async () => {
    const tail = follow('tail', '--since', '1h');
    await tail.says('order.placed');
    tail.stopReading();
    let over = false;
    const ended = tail.ended().then((code) => {
      over = true;
      return code;
    });
    await until('it notices that nobody reads', async () => {
      await desk.keep(crypto.randomUUID());
      return over;
    });
    expect([await ended, tail.err]).toEqual([0, '']);
  });

  it('is refused at once, rather than tried again and again, without the right token', async () => {
    const tail = start(['tail'], { ...at(desk), STAFF_TOKEN: 'another-token-of-somebody' });
    expect(await tail.ended()).toBe(1);
    expect(tail.err).toContain('not valid');
  });
});
