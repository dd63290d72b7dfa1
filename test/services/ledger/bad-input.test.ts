import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ledger } from '../../../services/ledger/service.ts';
import { STAFF_TOKEN, type Answer, type CallOptions } from '../../support/service.ts';
import { openDesk, type Desk } from './desk.ts';

const NOBODY = '01890000-0000-7000-8000-000000000000';
const act = { reason: 'to see what happens', by: 'Ada' };
const letters = { of: 'dead-letters', select: { all: true }, ...act };
const events = { of: 'events', select: { all: true }, ...act };
const goodBodies: Readonly<Record<string, object>> = {
  '/api/dead-letters/discard': { select: { all: true }, ...act },
  '/api/dead-letters/:id/reveal': act,
  '/api/replays': events,
  '/api/replays/:id/cancel': act,
};

const routes = ledger.routes.map(({ method, path, auth, query, body }) => ({
  method: method.toUpperCase(),
  path,
  auth,
  hasBody: body !== undefined,
  asks: Object.keys(query?.shape ?? {}),
}));
const staffRoutes = routes.filter(({ auth }) => auth === 'staff');
const paths = [...new Set(routes.map(({ path }) => path))];
const withBody = routes.filter(({ hasBody }) => hasBody);
const withQuery = routes.filter(({ asks }) => asks.length > 0);
const paged = routes.filter(({ asks }) => asks.includes('cursor'));
const ofOne = routes.filter(({ path }) => path.includes('/:id'));

/** A path of a route, about what is not there. */
function about(path: string, id?: string): string {
  const kind = path.startsWith('/api/replays')
    ? NOBODY
    : path.startsWith('/api/dead-letters')
      ? '999'
      : 'nowhere';
  return path.replace(':correlation', 'TW-NOWHERE').replace(':id', id ?? kind);
}

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk({ MAX_DEAD_LETTER_BYTES: String(1024 * 1024) });
  await desk.keep('one');
});
afterAll(() => desk.close());

const ask = (method: string, path: string, options: CallOptions = {}): Promise<Answer> =>
  desk.service.call(method, path, { staff: true, ...options });

/** Every refusal is a problem document that says what is wrong, and where. */
function expectRefusal(answer: Answer, status: number, field?: string): void {
  expect({ status: answer.status, body: answer.body }).toMatchObject({
    status,
    body: { type: 'about:blank', title: expect.any(String), status, detail: expect.stringMatching(/./) },
  });
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  if (field === undefined) return;
  expect(answer.body.errors).toEqual([{ field, message: expect.stringMatching(/./) }]);
}

describe('every route of the ledger', () => {
  it.each(staffRoutes)(
    '$method $path is for staff: without a token, or with another one, 401',
    async ({ method, path, hasBody }) => {
      const options = hasBody ? { body: goodBodies[path] } : {};
      expectRefusal(await ask(method, about(path), { ...options, staff: false }), 401);
      for (const authorization of ['Bearer not-the-staff-token', `Basic ${STAFF_TOKEN}`, STAFF_TOKEN]) {
        const answer = await ask(method, about(path), {
          ...options,
          staff: false,
          headers: { authorization },
        });
        expectRefusal(answer, 401);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
      }
    },
  );

  it('is for staff, unless a broker calls it', () => {
    const open = routes.filter(({ auth }) => auth !== 'staff');
    expect(open.map(({ path }) => path)).toEqual(['/dead-letters']);
  });

  it.each(paths)('%s answers 405 to other methods, and says which it takes', async (path) => {
    const answer = await ask('PATCH', about(path));
    expectRefusal(answer, 405);
    const own = routes.filter((route) => route.path === path).map(({ method }) => method);
    expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual(own.toSorted());
  });
});

describe('every route that takes a body', () => {
  it('is among those that are tested here', () => {
    expect(withBody.map(({ path }) => path).toSorted()).toEqual(Object.keys(goodBodies).toSorted());
  });

  it.each(withBody)('$method $path takes JSON only: 415', async ({ method, path }) => {
    const headers = { 'content-type': 'text/plain' };
    expectRefusal(await ask(method, about(path), { body: '{}', headers }), 415, 'content-type');
  });

  it.each(withBody)('$method $path refuses broken JSON: 400', async ({ method, path }) => {
    expectRefusal(await ask(method, about(path), { body: '{"reason":' }), 400, 'body');
  });

  it.each(withBody)('$method $path refuses more than it can hold: 413', async ({ method, path }) => {
    expectRefusal(await ask(method, about(path), { body: { reason: 'x'.repeat(1_100_000) } }), 413);
  });

  it.each(withBody)('$method $path refuses a field that it does not know', async ({ method, path }) => {
    const body = { ...goodBodies[path], reasn: 'misspelled' };
    expectRefusal(await ask(method, about(path), { body }), 422, 'reasn');
  });

  it.each(withBody)('$method $path wants a reason', async ({ method, path }) => {
    for (const reason of [undefined, '', 'no', '   ', 7, 'x'.repeat(501), 'two\nlines']) {
      const body = { ...goodBodies[path], reason };
      expectRefusal(await ask(method, about(path), { body }), 422, 'reason');
    }
  });

  it.each(withBody)('$method $path wants a name that can be read', async ({ method, path }) => {
    for (const by of ['', '   ', 7, null, 'x'.repeat(101), 'A\u0000da']) {
      expectRefusal(await ask(method, about(path), { body: { ...goodBodies[path], by } }), 422, 'by');
    }
  });

  it.each(withBody)('$method $path refuses what is no object', async ({ method, path }) => {
    for (const body of ['null', '[]', '"all"', '7']) {
      expectRefusal(await ask(method, about(path), { body }), 422, 'body');
    }
  });
});

describe('every route with parameters', () => {
  it.each(withQuery)('$method $path refuses one that it does not know', async ({ method, path }) => {
    expectRefusal(await ask(method, `${about(path)}?limt=3`), 422, 'limt');
  });

  it.each(paged)('$method $path refuses a page that cannot be', async ({ method, path }) => {
    for (const limit of ['0', '501', 'ten', '1.5', '-1', '']) {
      expectRefusal(await ask(method, `${about(path)}?limit=${limit}`), 422, 'limit');
    }
    for (const cursor of ['nonsense', '-1', '', 'x'.repeat(300), '%00']) {
      expectRefusal(await ask(method, `${about(path)}?cursor=${cursor}`), 422, 'cursor');
    }
  });

  it.each(ofOne)('$method $path answers 404 about what is not there', async ({ method, path }) => {
    const body = goodBodies[path];
    expectRefusal(await ask(method, about(path), body ? { body } : {}), 404);
  });

  it.each(ofOne.filter(({ path }) => !path.startsWith('/api/events')))(
    '$method $path refuses an id that cannot be',
    async ({ method, path }) => {
      const body = goodBodies[path];
      for (const id of ['x', '0', '-1', '1.5', 'x'.repeat(2000), '%00']) {
        expectRefusal(await ask(method, about(path, id), body ? { body } : {}), 422, 'id');
      }
    },
  );
});

describe('a selection', () => {
  it.each<[string, object, string]>([
    ['is missing', { ...events, select: undefined }, 'select'],
    ['is empty', { ...events, select: {} }, 'select'],
    ['is empty, of dead letters', { ...letters, select: {} }, 'select'],
    ['is a list', { ...events, select: [] }, 'select'],
    ['is text', { ...events, select: 'all' }, 'select'],
    ['is everything and something', { ...events, select: { all: true, type: 'x' } }, 'select.all'],
    ['says all: false', { ...events, select: { all: false } }, 'select.all'],
    ['says all: "true"', { ...events, select: { all: 'true' } }, 'select.all'],
    ['has no ids', { ...events, select: { ids: [] } }, 'select.ids'],
    ['has too many ids', { ...events, select: { ids: Array.from({ length: 101 }, String) } }, 'select.ids'],
    ['has one id for many', { ...events, select: { ids: 'one' } }, 'select.ids'],
    ['has an id that is no text', { ...events, select: { ids: ['one', 7] } }, 'select.ids[1]'],
    ['has an empty id', { ...events, select: { ids: [''] } }, 'select.ids[0]'],
    ['has an id that is no number', { ...letters, select: { ids: ['7'] } }, 'select.ids[0]'],
    ['has an id of 0', { ...letters, select: { ids: [0] } }, 'select.ids[0]'],
    ['has a field that it does not know', { ...events, select: { typ: 'x' } }, 'select.typ'],
    ['has a field of the other kind', { ...letters, select: { source: 'x' } }, 'select.source'],
    ['has a cause, of events', { ...events, select: { cause: 'refused' } }, 'select.cause'],
    ['has a cause that there is not', { ...letters, select: { cause: 'poison' } }, 'select.cause'],
    ['has a type that is no text', { ...events, select: { type: 7 } }, 'select.type'],
    ['has a type that is too long', { ...events, select: { type: 'x'.repeat(513) } }, 'select.type'],
    ['has a type that is null', { ...events, select: { type: null } }, 'select.type'],
    ['has control characters', { ...events, select: { subject: 'TW-\u0000' } }, 'select.subject'],
    ['has a state that is settled', { ...letters, select: { state: 'closed' } }, 'select.state'],
    ['has a time without a zone', { ...events, select: { from: '2026-01-31T12:00:00' } }, 'select.from'],
    ['has a time that is none', { ...letters, select: { to: 'yesterday' } }, 'select.to'],
  ])('that %s is refused, naming the field', async (_, body, field) => {
    expectRefusal(await ask('POST', '/api/replays', { body }), 422, field);
  });

  it('that is empty discards nothing', async () => {
    const body = { ...act, select: {} };
    expectRefusal(await ask('POST', '/api/dead-letters/discard', { body }), 422, 'select');
  });
});

describe('a replay', () => {
  it.each<[string, object, string]>([
    ['of nothing in particular', { ...events, of: undefined }, 'of'],
    ['of something else', { ...events, of: 'orders' }, 'of'],
    ['to a name that no service has', { ...events, to: 'Payment!' }, 'to'],
    ['to an address', { ...events, to: 'http://example.com' }, 'to'],
    ['to a host of another namespace', { ...events, to: 'payment.other' }, 'to'],
    ['to nobody', { ...events, to: '' }, 'to'],
    ['to several', { ...events, to: ['payment', 'shipping'] }, 'to'],
    ['of events to the one that failed', { ...events, to: 'subscriber' }, 'to'],
    ['at no rate', { ...events, rate: 0 }, 'rate'],
    ['that is too fast', { ...events, rate: 1001 }, 'rate'],
    ['at a rate in words', { ...events, rate: '50' }, 'rate'],
    ['at a broken rate', { ...events, rate: 1.5 }, 'rate'],
    ['until some day', { ...events, until: 'today' }, 'until'],
    ['that is perhaps a dry run', { ...events, dryRun: 'yes' }, 'dryRun'],
  ])('%s is refused, naming the field', async (_, body, field) => {
    expectRefusal(await ask('POST', '/api/replays', { body }), 422, field);
  });

  it('that was refused was not begun, nor written down', async () => {
    expect((await ask('GET', '/api/replays')).body.items).toEqual([]);
    expect((await ask('GET', '/api/audit')).body.items).toEqual([]);
    expect(desk.payment.got).toEqual([]);
  });
});

describe('a dead letter', () => {
  it('that is longer than may be is refused: 413', async () => {
    const body = 'x'.repeat(1024 * 1024 + 1);
    expectRefusal(
      await ask('POST', '/dead-letters', { body, headers: { 'content-type': 'text/plain' } }),
      413,
    );
  });
});
