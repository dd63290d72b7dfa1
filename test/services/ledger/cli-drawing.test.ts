import { describe, expect, it } from '@jest/globals';
import type { Group, KeptEvent, TreeNode, WholeLetter } from '../../../services/ledger/cli/answers.ts';
import { bodyOf, shellText } from '../../../services/ledger/cli/body.ts';
import { drawEvent, drawList, drawTail } from '../../../services/ledger/cli/draw-events.ts';
import { drawGroups, drawLetter, drawLetters } from '../../../services/ledger/cli/draw-letters.ts';
import { drawDryRun } from '../../../services/ledger/cli/draw-replays.ts';
import { drawTree } from '../../../services/ledger/cli/draw-tree.ts';
import { parseWhen } from '../../../services/ledger/cli/options.ts';
import { calm, coloured, plain, span, toJson } from '../../../services/ledger/cli/text.ts';

const now = new Date('2026-01-31T15:00:00.000Z');
const look = { width: 100, paint: plain, now };
const ORDER = 'TW-4Q7K2M9XJ3PA';
const longestLine = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

function kept(changes: Partial<KeptEvent> = {}): KeptEvent {
  return {
    seq: 1,
    id: '01993a6e-4f5e-7c1b-9d59-3d2f6f1f7a01',
    source: '/tradewind/shipping',
    type: 'shop.tradewind.shipment.cancellationrefused.v1',
    subject: ORDER,
    keptAt: '2026-01-31T14:02:11.120Z',
    arrivals: 1,
    ...changes,
  };
}

function node(type: string, changes: Partial<TreeNode> = {}): TreeNode {
  const event = { id: type, type: `shop.tradewind.${type}.v1`, subject: ORDER, keptAt: kept().keptAt };
  return { ...event, arrivals: 1, deadLetters: [], children: [], ...changes };
}

function letter(changes: Partial<WholeLetter> = {}): WholeLetter {
  return {
    id: 7,
    subscriber: 'http://payment.shop.svc.cluster.local/events',
    cause: 'refused',
    code: 422,
    state: 'held',
    arrivals: 1,
    diedAt: '2026-01-31T12:00:00.000Z',
    lastDiedAt: '2026-01-31T12:00:00.000Z',
    event: { id: 'e-1', type: 'shop.tradewind.order.placed.v1', subject: ORDER },
    words: 'payment does not take this event as it is.',
    answer: '{"detail":"total.amount must be the sum"}',
    reason: 'total.amount must be the sum',
    fields: [{ field: 'total.amount', message: 'must be the sum' }],
    attempts: [],
    data: { total: 1 },
    ...changes,
  };
}

describe('a list of events', () => {
  it('fits 100 columns with the longest names of the shop, and shows every id whole', () => {
    const text = drawList([kept(), kept({ type: 'com.example.a-type-that-goes-on-and-on.and-on.v1' })], look);
    expect(longestLine(text)).toBeLessThanOrEqual(100);
    expect(text.match(/01993a6e-4f5e-7c1b-9d59-3d2f6f1f7a01$/gm)).toHaveLength(2);
    expect(text).toContain('01-31 14:02:11  shipment.cancellationrefused');
  });

  it('says so when there is none', () => {
    expect(drawList([], look)).toBe('No kept event fits.');
  });

  it('is one line for each event when it is live', () => {
    const line = drawTail(kept({ subject: 'two\nlines' }), look);
    expect(line).toMatch(/^14:02:11\.120 {2}shipment\.cancellationrefused +two lines +01993a6e/);
    expect(longestLine(line)).toBeLessThanOrEqual(100);
  });
});

describe('the tree of an order', () => {
  const roots = [
    node('order.placed', {
      deadLetters: [{ id: 7, subscriber: 'http://127.0.0.1:8084/events', cause: 'refused', state: 'held' }],
      children: [
        node('payment.authorized', { afterMs: 12, arrivals: 2 }),
        node('stock.reserved', {
          afterMs: 3400,
          children: [node('shipment.prepared', { afterMs: 125_000, subject: 'SHP-1' })],
        }),
      ],
    }),
    {
      id: 'gone-1',
      arrivals: 0,
      missing: true,
      note: 'not kept: it may be confidential',
      deadLetters: [],
      children: [],
    },
  ];
  const text = drawTree({ correlation: ORDER, events: 4, deadLetters: 1, truncated: false, roots }, look);

  it('shows what led to what, when, how often, and what is missing', () => {
    expect(text.split('\n')).toEqual([
      'TW-4Q7K2M9XJ3PA  4 events, 1 dead letter',
      'order.placed                    14:02:11.120',
      '├─ ✗ dead letter 7  127.0.0.1:8084  refused, held',
      '├─ payment.authorized                 +12 ms  came 2 times',
      '└─ stock.reserved                     +3.4 s',
      '   └─ shipment.prepared  SHP-1    +2 min 5 s',
      'unknown event  not kept: it may be confidential',
      '',
      'Next: npm run --silent events -- dead-letters show 7',
    ]);
  });

  it('says when there is more', () => {
    const cut = { correlation: ORDER, events: 900, deadLetters: 0, truncated: true, roots: [] };
    expect(drawTree(cut, look)).toContain('There is more');
  });
});

describe('dead letters', () => {
  const group: Group = {
    subscriber: 'http://payment.shop.svc.cluster.local/events',
    type: 'shop.tradewind.order.placed.v1',
    cause: 'refused',
    code: 422,
    words: 'payment refuses these events as they are. '.repeat(4).trim(),
    count: 2,
    waiting: 0,
    held: 2,
    oldest: '2026-01-31T12:00:00.000Z',
    newest: '2026-01-31T13:00:00.000Z',
    example: 7,
  };

  it('are grouped, with the cause in words and the command to run next', () => {
    const text = drawGroups([group], look);
    expect(longestLine(text)).toBeLessThanOrEqual(100);
    expect(text).toMatch(/^2 open dead letters in 1 group\n\npayment {2}order\.placed {2}refused \(422\)\n/);
    expect(text).toContain('2 letters: for a person; the oldest died 3 h ago');
    expect(text).toContain('Next: npm run --silent events -- dead-letters show 7');
  });

  it('that are delivered again by themselves lead to their list', () => {
    const text = drawGroups([{ ...group, held: 0, waiting: 2, cause: 'unreachable' }], look);
    expect(text).toContain(
      'dead-letters list --subscriber http://payment.shop.svc.cluster.local/events --type order.placed --cause unreachable',
    );
  });

  it('that are none are good news', () => {
    expect(drawGroups([], look)).toBe('No dead letter is open here.');
    expect(drawLetters([], look)).toBe('No dead letter fits.');
  });

  it('show the field at fault, what was tried since, and what to do', () => {
    const attempt = {
      at: now.toISOString(),
      by: 'redrive',
      target: 'payment',
      code: 503,
      answer: 'busy',
      tookMs: 12,
    };
    const text = drawLetter(letter({ attempts: [attempt] }), '{}', look);
    expect(text).toMatch(/total\.amount +must be the sum/);
    expect(text).toMatch(/redrive +12 ms +503 busy/);
    expect(text).toMatch(/state +held for a person/);
    expect(text).toContain("replay 7 --reason '…'");
    expect(text).not.toContain('reveal');
  });

  it('that are confidential name the way to their data', () => {
    expect(drawLetter(letter({ redacted: true }), 'confidential', look)).toContain('dead-letters reveal 7');
  });

  it('that are closed, or no events, offer nothing that cannot be done', () => {
    expect(drawLetter(letter({ state: 'closed', outcome: 'replayed' }), '', look)).not.toContain('Next');
    const text = drawLetter(letter({ cause: 'unreadable', event: undefined }), '', look);
    expect(text).toContain('discard 7');
    expect(text).not.toContain('replay 7');
  });

  it('would be replayed: some are listed, the others counted', () => {
    const item = {
      seq: 7,
      id: 'e-1',
      type: 'shop.tradewind.order.placed.v1',
      subject: ORDER,
      at: now.toISOString(),
    };
    expect(drawDryRun('delivered again', { total: 3, items: [item] }, look)).toMatch(
      /^3 events would be delivered again; nothing was done\.[^]*order\.placed[^]*… and 2 more$/,
    );
  });
});

describe('what a terminal would act on', () => {
  const hostile = '\u001b]0;owned\u0007\u009b31m\u202e\u{e0041}';

  it('is written as an escape, wherever it stands in an answer', () => {
    const event = calm(kept({ subject: hostile, id: hostile }));
    expect(drawTail(event, look)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(drawList([event], look)).toContain(String.raw`\u001b]0;owned\u0007\u009b31m\u202e\udb40\udc41`);
    expect(calm({ [hostile]: [hostile] })).not.toHaveProperty([hostile]);
  });

  it('leaves JSON the same JSON', () => {
    const text = toJson({ hostile, lines: 'a\nb' });
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(JSON.parse(text)).toEqual({ hostile, lines: 'a\nb' });
  });

  it('is in no data and no curl that is shown', () => {
    const body = bodyOf({ dataText: `one\n${hostile}` });
    const event = { seq: 1, keptAt: kept().keptAt, arrivals: 1, attributes: { type: 'x' }, curl: hostile };
    const text = drawEvent(event, body, shellText(event.curl), look);
    expect(text).toMatch(/ {2}one\n {2}\\u001b/);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('comes from this command alone, for colours', () => {
    expect(drawTail(kept(), { ...look, paint: coloured }).startsWith('\u001b[2m14:02')).toBe(true);
  });
});

describe('times', () => {
  it.each([
    ['10m', '2026-01-31T14:50:00.000Z'],
    ['PT1H', '2026-01-31T14:00:00.000Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31 12:30', '2026-01-31T12:30:00.000Z'],
    ['2026-01-31T12:30:00+02:00', '2026-01-31T10:30:00.000Z'],
  ])('%s means %s', (text, instant) => expect(parseWhen(text, now)).toBe(instant));

  it.each(['yesterday', '10', '2026-13-01', '12:30'])('%s means nothing', (text) => {
    expect(() => parseWhen(text, now)).toThrow('must be a duration such as 10m');
  });

  it.each([
    [0.4, '0 ms'],
    [999, '999 ms'],
    [9999, '9.9 s'],
    [59_999, '59 s'],
    [3_600_000, '1 h'],
    [187_200_000, '2 d 4 h'],
  ])('%d ms are %s', (ms, text) => expect(span(ms)).toBe(text));
});
