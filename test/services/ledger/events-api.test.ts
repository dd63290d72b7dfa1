import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseEvent } from '../../../platform/cloudevents.ts';
import { listen, type Listening } from '../../../platform/http/listen.ts';
import { Archivist } from './archivist.ts';

describe('the search for events', () => {
  let archivist: Archivist;
  beforeAll(async () => {
    archivist = await Archivist.open();
    const [placed, paid] = ['order.placed', 'payment.captured'];
    for (const order of ['TW-1', 'TW-2', 'TW-3']) {
      const story = { correlationid: order, subject: order };
      await archivist.keep({ ...story, id: `${order}-placed`, type: placed, source: '/storefront' });
      await archivist.keep({ ...story, id: `${order}-paid`, type: paid, source: '/payment' });
      await archivist.keep({
        ...story,
        id: `${order}-level`,
        type: 'level',
        source: '/stock',
        subject: 'ROPE',
      });
    }
  });
  afterAll(() => archivist[Symbol.asyncDispose]());

  it.each([
    ['?correlation=TW-2', ['TW-2-level', 'TW-2-paid', 'TW-2-placed']],
    ['?type=order.placed', ['TW-3-placed', 'TW-2-placed', 'TW-1-placed']],
    ['?source=/payment', ['TW-3-paid', 'TW-2-paid', 'TW-1-paid']],
    ['?subject=ROPE', ['TW-3-level', 'TW-2-level', 'TW-1-level']],
    ['?type=level&source=/stock&subject=ROPE&correlation=TW-1', ['TW-1-level']],
    ['?subject=ROPE&correlation=TW-3', ['TW-3-level']],
    ['?source=/stock&type=level&limit=2', ['TW-3-level', 'TW-2-level']],
    ['?type=order.placed&source=/payment', []],
    ['?correlation=TW-4', []],
    ['?type=ORDER.PLACED', []],
    ['?type=order.%25', []],
    ['?limit=1', ['TW-3-level']],
  ])('finds %s', async (query, expected) => expect(await archivist.ids(query)).toEqual(expected));

  it('tells all of an event but its data', async () => {
    const { body, headers } = await archivist.get('/api/events?correlation=TW-1&type=level');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      items: [
        {
          seq: 3,
          id: 'TW-1-level',
          source: '/stock',
          type: 'level',
          subject: 'ROPE',
          correlationid: 'TW-1',
          keptAt: expect.any(String),
          arrivals: 1,
          size: expect.any(Number),
        },
      ],
    });
  });

  it.each(['', '&source=/payment&subject=TW-2', '&type=level'])(
    'goes page by page, each event once, with the filter "%s"',
    async (filter) => {
      const all = await archivist.ids(`?limit=500${filter}`);
      const seen: string[] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined;) {
        const { body } = await archivist.get(`/api/events?limit=1${cursor && `&cursor=${cursor}`}${filter}`);
        expect(body.items.length).toBeLessThanOrEqual(1);
        seen.push(...body.items.map(({ id }: { id: string }) => id));
        cursor = body.next;
      }
      expect(seen).toEqual(all);
    },
  );

  it.each([
    ['type='],
    ['limit=0'],
    ['limit=501'],
    ['cursor=-1'],
    ['cursor=abc'],
    ['from=yesterday'],
    ['to=2026-02-30T00:00:00Z'],
    ['order=TW-1'],
    [`subject=${'x'.repeat(513)}`],
  ])('refuses ?%s, naming it', async (query) => {
    const { status, body } = await archivist.get(`/api/events?${query}`);
    expect([status, body.errors[0].field]).toEqual([422, query.split('=', 1)[0]]);
  });

  it.each([
    '/api/events',
    '/api/events/stream',
    '/api/events/TW-1-paid',
    '/api/events/TW-1-paid/data',
    '/api/trees/TW-1',
    '/api/trees/TW-1/stream',
  ])('answers %s with 401 to whoever is no staff', async (path) =>
    expect((await archivist.service.call('GET', path)).status).toBe(401),
  );
});

describe('a search in time', () => {
  it('finds what was kept from an instant on, and before another', async () => {
    await using archivist = await Archivist.open();
    const keptAt = async (id: string): Promise<string> =>
      (await archivist.get(`/api/events/${id}`)).body.keptAt;
    for (const id of ['a', 'b', 'c']) {
      await archivist.keep({ id, type: id === 'b' ? 'rare' : 'frequent' });
      await archivist.service.advance(3_600_000);
    }
    const [a, b, c] = [await keptAt('a'), await keptAt('b'), await keptAt('c')];
    const later = new Date(Date.parse(c) + 1).toISOString();
    const inParis = encodeURIComponent(
      new Date(Date.parse(b) + 7_200_000).toISOString().replace('Z', '+02:00'),
    );
    const searches = [
      [`from=${b}`, 'cb'],
      [`to=${b}`, 'a'],
      [`from=${a}&to=${c}`, 'ba'],
      [`from=${a}&to=${c}&type=rare`, 'b'],
      [`from=${b}&type=frequent&source=/test`, 'c'],
      [`from=${inParis}&to=${c}`, 'b'],
      [`from=${later}`, ''],
      [`to=${later}`, 'cba'],
      [`to=${a}`, ''],
      [`from=${b}&to=${a}`, ''],
    ] as const;
    for (const [query, expected] of searches) {
      expect([query, (await archivist.ids(`?${query}`)).join('')]).toEqual([query, expected]);
    }
  });
});

describe('a search for two frequent values that rarely meet', () => {
  it('answers a short page in time, and goes on with the next', async () => {
    await using archivist = await Archivist.open();
    await archivist.keep({ id: 'needle', type: 'frequent', source: '/other' });
    await archivist.service.service.store.write((tx) =>
      tx.run(`with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 60000)
        insert into archive (id, source, type, kept_at, arrivals, size, attributes)
        select n, '/frequent', 'frequent', '2026-11-24T00:00:00.000Z', 1, 2, '{}' from numbers`),
    );
    const query = '/api/events?type=frequent&source=/other';
    const first = (await archivist.get(query)).body;
    expect(first).toEqual({ items: [], next: '10002' });
    const second = (await archivist.get(`${query}&cursor=${first.next}`)).body;
    expect(second).toMatchObject({ items: [{ id: 'needle' }] });
    expect(second.next).toBeUndefined();
  });
});

describe('one event', () => {
  let archivist: Archivist;
  beforeEach(async () => {
    archivist = await Archivist.open();
  });
  afterEach(() => archivist[Symbol.asyncDispose]());

  it('is not found with a sentence that says why', async () => {
    expect(await archivist.get('/api/events/x')).toMatchObject({
      status: 404,
      body: {
        detail: 'no event "x" is kept: it is confidential, older than the archive, or was never here',
      },
    });
    await archivist.keep({ id: 'x' });
    expect((await archivist.get('/api/events/x?source=/b')).body.detail).toContain(
      'no event "x" of /b is kept',
    );
  });

  it('is asked for by its source where several have used its id', async () => {
    const id = 'a/b?c#ü';
    await archivist.keep({ id, source: '/b' }, '"b"');
    await archivist.keep({ id, source: 'urn:a' }, '"a"');
    const path = `/api/events/${encodeURIComponent(id)}`;
    const detail = `2 sources have used the id "${id}": add ?source= with one of /b, urn:a`;
    expect(await archivist.get(path)).toMatchObject({ status: 409, body: { detail } });
    expect((await archivist.get(`${path}?source=urn:a`)).body).toMatchObject({ data: 'a' });
    expect((await archivist.get(`${path}/data?source=/b`)).body).toBe('"b"');
  });

  it('with much data is cut between characters, with a note that leads to the whole', async () => {
    const data = JSON.stringify({ text: 'ü'.repeat(50_000) });
    const id = await archivist.keep({}, data);
    const { body } = await archivist.get(`/api/events/${id}`);
    expect(body.data).toBeUndefined();
    expect(data.startsWith(body.dataText)).toBe(true);
    expect(Buffer.byteLength(body.dataText)).toBe(65_535);
    expect(body.note).toBe(
      `the first 65536 of 100011 bytes; all of them: GET /api/events/${id}/data?source=%2Ftest`,
    );
    const whole = await archivist.get(body.note.split('GET ')[1]);
    expect(whole.body).toBe(data);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="data"',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(body.curl).toContain('--data-binary @data');
  });

  it('that says it is JSON, and is none, is shown as what it is', async () => {
    const id = await archivist.keep({}, '{"half":');
    expect((await archivist.get(`/api/events/${id}`)).body.dataText).toBe('{"half":');
    const bytes = await archivist.keep({}, Buffer.from([0x7b, 0xff]));
    expect((await archivist.get(`/api/events/${bytes}`)).body.dataBase64).toBe('e/8=');
  });
});

describe('the curl of an event', () => {
  const got: { headers: NodeJS.Dict<string[]>; body: Buffer; path: string }[] = [];
  let broker: Listening;
  let archivist: Archivist;
  beforeAll(async () => {
    broker = await listen(
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const { headersDistinct: headers, url: path = '' } = request;
          got.push({ headers, body: Buffer.concat(chunks), path });
          response.writeHead(202).end();
        });
      },
      0,
      '127.0.0.1',
    );
    archivist = await Archivist.open({ K_SINK: `${broker.url}/default/shop?it's` });
  });
  afterAll(async () => {
    await archivist[Symbol.asyncDispose]();
    await broker.close(0);
  });

  it.each<[string, Record<string, string>, string | Buffer]>([
    ['JSON', {}, '{"text":"it\'s \\"10 %\\" & $HOME `id` ! \\\\ ü 🎁"}'],
    ['quotes and more in attributes', { subject: `it's "50 %" & $(id) ü 🎁`, empty: '' }, '{}'],
    ['several lines', { datacontenttype: "text/plain; note='x'" }, 'one\n\ntwo\n'],
    ['a file name for data', { datacontenttype: 'text/plain' }, '@/etc/hostname'],
    ['bytes', { datacontenttype: 'image/png' }, Buffer.from([0, 1, 255, 10, 13, 39])],
    ['tabs and carriage returns', { datacontenttype: 'text/plain' }, '\ta\r\nb'],
    ['no data', {}, ''],
    ['no content type', { datacontenttype: '' }, '{}'],
  ])('posts it again as it was, with %s', async (_what, attributes, data) => {
    const { datacontenttype, ...others } = { datacontenttype: 'application/json', ...attributes };
    const own = datacontenttype === '' ? others : { ...others, datacontenttype };
    const headers = { knativebrokerttl: '254', knativeerrordata: 'eA==' };
    const id = await archivist.keep({ ...own, ...headers, datacontenttype }, data);
    const { body } = await archivist.get(`/api/events/${id}`);
    const { stdout } = await promisify(execFile)('bash', ['-c', body.curl]);
    expect(stdout).toContain('202 Accepted');
    const {
      headers: sent,
      body: bytes,
      path,
    } = got.at(-1) ?? { headers: {}, body: Buffer.alloc(0), path: '' };
    expect(path).toBe("/default/shop?it's");
    const event = parseEvent(sent, bytes);
    const { knativebrokerttl: _ttl, knativeerrordata: _data, ...kept } = body.attributes;
    expect(event.attributes).toEqual(kept);
    expect(event.data ?? Buffer.alloc(0)).toEqual(Buffer.from(data));
  });

  it('goes to the K_SINK of the shell where the ledger has none', async () => {
    await using lonely = await Archivist.open({ K_SINK: '' });
    const id = await lonely.keep({});
    const { curl } = (await lonely.get(`/api/events/${id}`)).body;
    const env = { ...process.env, K_SINK: `${broker.url}/from-shell` };
    await promisify(execFile)('bash', ['-c', curl], { env });
    expect(got.at(-1)?.path).toBe('/from-shell');
  });
});
