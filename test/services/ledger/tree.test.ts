import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  MAX_DEPTH,
  treeOf,
  type Story,
  type StoryEvent,
  type StoryLetter,
  type TreeNode,
} from '../../../services/ledger/tree.ts';

const START = Date.parse('2026-11-24T09:30:00.000Z');
const at = (ms: number): string => new Date(START + ms).toISOString();

function event(id: string, causationId: string | null, more: Partial<StoryEvent> = {}): StoryEvent {
  const about = { source: '/tradewind/payment', type: 'paid', subject: id, correlationId: 'TW-1' };
  return { id, ...about, causationId, happenedAt: null, keptAt: at(0), arrivals: 1, ...more };
}

function letter(id: string, more: Partial<StoryLetter> = {}): StoryLetter {
  const about = { source: '/tradewind/payment', type: 'paid', subject: null, causationId: null };
  const end = { subscriber: 'http://shipping', cause: 'refused', state: 'held', words: 'It was refused.' };
  return { seq: 1, id, ...about, happenedAt: null, diedAt: at(0), confidential: false, ...end, ...more };
}

const grown = (story: Partial<Story>): TreeNode[] =>
  treeOf({ events: [], letters: [], elsewhere: [], ...story });

/** The shape of trees, like `a(b c(d))`; without recursion, since they may be deep. */
function shape(roots: readonly TreeNode[]): string {
  let text = '';
  const open: (TreeNode | string)[] = [...roots].toReversed();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string') {
      text += next;
      continue;
    }
    text += `${/[\w)]$/.test(text) ? ' ' : ''}${next.id}`;
    if (next.children.length === 0) continue;
    text += '(';
    open.push(')', ...next.children.toReversed());
  }
  return text;
}

function all(roots: readonly TreeNode[]): TreeNode[] {
  const found: TreeNode[] = [];
  const open = [...roots];
  for (let next = open.pop(); next; next = open.pop()) {
    found.push(next);
    open.push(...next.children);
  }
  return found;
}

describe('the tree of a story', () => {
  it('puts every event below its cause, whatever the order of keeping', () => {
    const events = [event('d', 'b'), event('b', 'a'), event('a', null), event('c', 'a'), event('z', null)];
    expect(shape(grown({ events }))).toBe('a(b(d) c) z');
  });

  it('says who said it, and how long after its cause', () => {
    const placed = { source: '/tradewind/storefront', type: 'placed', subject: 'TW-1', happenedAt: at(0) };
    const [root] = grown({
      events: [
        event('a', null, placed),
        event('b', 'a', { happenedAt: at(120), arrivals: 3 }),
        event('c', 'a', { source: '/somebody', happenedAt: at(-5) }),
        event('d', 'a', { subject: null }),
      ],
    });
    expect(root).toEqual({
      id: 'a',
      source: '/tradewind/storefront',
      type: 'placed',
      subject: 'TW-1',
      time: at(0),
      emitter: 'storefront',
      keptAt: at(0),
      arrivals: 1,
      duplicate: false,
      deadLetters: [],
      children: [
        expect.objectContaining({ id: 'b', emitter: 'payment', afterMs: 120, arrivals: 3, duplicate: true }),
        expect.objectContaining({ id: 'c', afterMs: -5 }),
        expect.not.objectContaining({ subject: expect.anything(), afterMs: expect.anything() }),
      ],
    });
    expect(root?.children[1]?.emitter).toBeUndefined();
  });

  it('marks a cause that is not kept as a gap, once for all that follows from it', () => {
    const roots = grown({ events: [event('b', 'gone'), event('c', 'gone')] });
    expect(shape(roots)).toBe('gone(b c)');
    expect(roots[0]).toMatchObject({
      missing: true,
      arrivals: 0,
      duplicate: false,
      note: 'not kept: it is confidential, older than the archive, or was lost',
    });
    expect(roots[0]).not.toHaveProperty('type');
  });

  it('shows a cause of another story, and leaves that story alone', () => {
    const elsewhere = [
      event('moved', 'signup', { correlationId: 'cus-1' }),
      event('lone', null, { correlationId: null }),
      event('unused', null),
    ];
    const roots = grown({ events: [event('a', 'moved'), event('b', 'lone')], elsewhere });
    expect(shape(roots)).toBe('moved(a) lone(b)');
    expect(roots.map(({ note }) => note)).toEqual(['belongs to the story of cus-1', 'belongs to no story']);
  });

  it('hangs dead letters on their event', () => {
    const letters = [
      letter('a', { seq: 7 }),
      letter('a', { seq: 8, state: 'waiting' }),
      letter('a', { source: '/x' }),
    ];
    const roots = grown({ events: [event('a', null)], letters });
    expect(roots[0]?.deadLetters).toEqual([
      { id: 7, subscriber: 'http://shipping', cause: 'refused', state: 'held', words: 'It was refused.' },
      expect.objectContaining({ id: 8, state: 'waiting' }),
    ]);
    expect(roots.map(({ missing }) => missing)).toEqual([undefined, true]);
  });

  it('has a place for what died and is not kept, between what it followed and what followed from it', () => {
    const letters = [
      letter('secret', { confidential: true, causationId: 'a', happenedAt: at(5) }),
      letter('lost'),
    ];
    const events = [event('a', null, { happenedAt: at(0) }), event('b', 'secret')];
    const roots = grown({ events, letters });
    expect(shape(roots)).toBe('a(secret(b)) lost');
    expect(roots[0]?.children[0]).toMatchObject({
      missing: true,
      afterMs: 5,
      note: 'confidential: it is not kept, only that it died',
      deadLetters: [{ cause: 'refused' }],
    });
    expect(roots[1]?.note).toBe('not kept: it died before it came to the archive, or is older than that');
  });

  it('notes what one cause made a source say twice', () => {
    const fact = { type: 'paid', subject: 'TW-1' };
    const roots = grown({
      events: [
        event('a', null),
        event('b', 'a', fact),
        event('c', 'a', fact),
        event('d', 'a', { ...fact, subject: 'TW-2' }),
        event('e', 'b', fact),
        event('f', 'a', { ...fact, source: '/other' }),
      ],
    });
    const notes = all(roots).flatMap(({ id, note }) => (note === undefined ? [] : [[id, note]]));
    expect(notes).toEqual([['c', 'says again what b said']]);
  });

  it('does not follow an event that is its own cause, nor go round in circles', () => {
    const roots = grown({
      events: [event('a', 'a'), event('b', 'd'), event('c', 'b'), event('d', 'c'), event('e', 'd')],
    });
    expect(shape(roots)).toBe('a b(c(d(e)))');
    expect(roots.map(({ note }) => note)).toEqual([
      'names itself as its cause',
      'its causes go round in a circle',
    ]);
  });

  it('has two events of the same id from two sources, with what follows below the first', () => {
    const events = [event('a', null), event('a', null, { source: '/other' }), event('b', 'a')];
    expect(shape(grown({ events }))).toBe('a(b) a');
  });

  it('stands a chain of 10,000 in either order, and goes no deeper than JSON can', () => {
    const chain = Array.from({ length: 10_000 }, (_, n) => event(`e${n}`, n === 0 ? null : `e${n - 1}`));
    for (const events of [chain, chain.toReversed()]) {
      const roots = grown({ events });
      expect(all(roots)).toHaveLength(10_000);
      expect(JSON.parse(JSON.stringify(roots))).toHaveLength(10_000 / MAX_DEPTH);
      expect(roots.flatMap(({ note }) => note ?? [])).toContain('follows e99, which is as deep as this goes');
    }
  });

  it('has every event and every dead letter once, whatever they say of their causes', () => {
    const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'gone');
    const causes = fc.array(fc.tuple(ids, fc.option(ids), fc.constantFrom('/x', '/y')), { maxLength: 12 });
    fc.assert(
      fc.property(causes, causes, (some, dead) => {
        const events = [...new Map(some.map((each) => [each[0] + each[2], each])).values()].map(
          ([id, cause, source]) => event(id, cause, { source }),
        );
        const letters = dead.map(([id, causationId, source], seq) =>
          letter(id, { seq, causationId, source }),
        );
        const nodes = all(grown({ events, letters }));
        expect(nodes.filter(({ keptAt }) => keptAt !== undefined)).toHaveLength(events.length);
        expect(nodes.flatMap(({ deadLetters }) => deadLetters)).toHaveLength(letters.length);
        const keys = nodes.map(({ id, source }) => JSON.stringify([id, source]));
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });
});
