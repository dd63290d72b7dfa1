import { afterEach, describe, expect, it } from '@jest/globals';
import { lastEventId, type LiveOptions } from '../../../platform/http/live.ts';
import { connectTo } from '../../support/raw.ts';
import { watch, type Watch } from '../../support/sse.ts';
import { until } from '../../support/until.ts';
import { HOUR_MS, LiveServer, PAGE } from './live-server.ts';

const textsOf = (each: Watch): (string | undefined)[] => each.entries().map(({ data }) => data['text']);

describe('a live stream', () => {
  const servers: LiveServer[] = [];
  const watches: Watch[] = [];
  afterEach(async () => {
    for (const each of watches.splice(0)) each.close();
    for (const { closing, listening } of servers.splice(0)) {
      closing.abort();
      await listening?.close(0);
    }
  });

  async function serve(options: Partial<LiveOptions> = {}): Promise<LiveServer> {
    const server = await new LiveServer(options).open();
    servers.push(server);
    return server;
  }

  async function follow(
    server: LiveServer,
    headers: Record<string, string> = {},
    path = '/',
  ): Promise<Watch> {
    const each = await watch(server.url + path, headers);
    watches.push(each);
    return each;
  }

  it('tells what there is, page by page, and what comes as soon as it is rung for', async () => {
    const server = await serve();
    server.say('a', 'b', 'c', 'd', 'e');
    const stream = await follow(server);
    await stream.take(5);
    server.say('f');
    expect((await stream.take(6)).map(({ id, event }) => [id, event])).toEqual(
      ['1', '2', '3', '4', '5', '6'].map((id) => [id, 'said']),
    );
    expect(textsOf(stream)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(stream.text().startsWith('retry: 2000\n\n')).toBe(true);
  });

  it('loses no ring that comes between its look and its sleep', async () => {
    const server = await serve();
    const other = await follow(server);
    await until('the other one has looked', () => server.reads === 1);
    let late = 0;
    server.meanwhile = async () => {
      late += 1;
      if (late > 1) return;
      server.say('a');
      await other.take(1);
    };
    const stream = await follow(server);
    expect((await stream.take(1)).map(({ id }) => id)).toEqual(['1']);
  });

  it('goes on after the last event that its reader has', async () => {
    const server = await serve();
    server.say('a', 'b', 'c');
    expect((await (await follow(server, { 'last-event-id': '2' })).take(1)).map(({ id }) => id)).toEqual([
      '3',
    ]);
  });

  it('finds what another process wrote by looking from time to time', async () => {
    const server = await serve({ poll: 20 });
    const stream = await follow(server);
    await until('it has looked', () => server.reads > 0);
    server.texts.push('written elsewhere');
    await stream.take(1);
  });

  it('is woken by rings for its topic alone', async () => {
    const server = await serve();
    server.more = (path) => ({ topic: path });
    const [one, other] = [await follow(server, {}, '/one'), await follow(server, {}, '/other')];
    await until('both have looked', () => server.reads === 2);
    server.texts.push('a');
    server.streams.ring('/one');
    await one.take(1);
    expect(other.entries()).toEqual([]);
    server.streams.ring('/other');
    await other.take(1);
  });

  it('is refused to an owner who has as many as may be, and to nobody else', async () => {
    const server = await serve({ maxPerOwner: 1 });
    server.more = (path) => ({ owner: path });
    await follow(server, {}, '/ada');
    expect((await fetch(`${server.url}/ada`)).status).toBe(429);
    expect((await follow(server, {}, '/ben')).status).toBe(200);
  });

  it('ends when nothing more is to come, and not before', async () => {
    const server = await serve({ poll: 20 });
    let left: number | undefined;
    server.more = () => ({ left: async () => left });
    server.say('a');
    const stream = await follow(server);
    await stream.take(1);
    left = HOUR_MS;
    server.say('b');
    await stream.take(2);
    expect(stream.ended()).toBe(false);
    left = 0;
    await until('it has ended', () => stream.ended());
  });

  it('looks again soon for what cannot be told yet', async () => {
    const server = await serve();
    const find = server.find;
    server.find = (after) => (server.reads < 4 ? { events: [], scanned: after, waits: true } : find(after));
    server.texts.push('a');
    await (await follow(server)).take(1);
  });

  it('shows that it is alive when nothing happens', async () => {
    const stream = await follow(await serve({ heartbeat: 30 }));
    await until('two heartbeats', () => stream.text().split(': still here').length > 2);
  });

  it('shows that it is alive, and how far it has come, even in a store that is busy with other things', async () => {
    const server = await serve({ heartbeat: 30 });
    let scanned = 0;
    server.find = () => {
      scanned += 1;
      return { events: [], scanned };
    };
    const stream = await follow(server);
    await until('two heartbeats', () => stream.text().split(': still here').length > 2);
    const positions = [...stream.text().matchAll(/^: still here\nid: (\d+)\n\n/gm)].map(([, id]) =>
      Number(id),
    );
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(positions.at(-1)).toBeGreaterThan(1);
    expect(stream.entries()).toEqual([]);
  });

  it('takes many rings for one', async () => {
    const server = await serve();
    const stream = await follow(server);
    await until('it has looked', () => server.reads === 1);
    for (let n = 0; n < 1000; n += 1) server.streams.ring();
    server.say('a');
    await stream.take(1);
    expect(server.reads).toBeLessThan(5);
  });

  it('waits for a slow reader, who gets everything all the same', async () => {
    const server = await serve();
    const long = 'x'.repeat(100_000);
    const count = 300;
    server.texts.push(...Array.from({ length: count }, (_, index) => `${long}${index}`));
    const connection = await connectTo(server.url);
    connection.socket.pause();
    connection.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    let before = -1;
    await until('it has stopped to wait', () => {
      const stands = server.reads > 1 && server.reads === before;
      before = server.reads;
      return stands;
    });
    const other = await follow(server);
    await other.take(count);
    // The other one needs a read per page, and one that finds nothing.
    const own = server.reads - count / PAGE - 1;
    expect(own).toBeLessThan(count / PAGE / 2);
    connection.socket.resume();
    await until('everything came', () => connection.received.slice(-100).includes(`x${count - 1}"`));
    const ids = [...connection.received.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    connection.socket.destroy();
  });

  it('is refused beyond the number of streams, and given again when one has ended', async () => {
    const server = await serve({ max: 1 });
    server.say('a');
    const first = await follow(server);
    await first.take(1);
    const response = await fetch(server.url);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      503,
      'application/problem+json; charset=utf-8',
    ]);
    expect(await response.json()).toMatchObject({ detail: '1 streams are open already; try again' });
    first.close();
    await until('there is room again', async () => (await follow(server)).status === 200);
  });

  it('ends at the shutdown, and opens no more', async () => {
    const server = await serve();
    server.say('a');
    const streams = await Promise.all([follow(server), follow(server)]);
    await Promise.all(streams.map((each) => each.take(1)));
    server.closing.abort();
    await until('they have ended', () => streams.every((each) => each.ended()));
    const late = await follow(server);
    await until('the late one has ended', () => late.ended());
    expect(late.entries()).toEqual([]);
  });

  it('ends when its store fails, and leaves its place to another', async () => {
    const server = await serve({ max: 1 });
    server.find = () => {
      throw new Error('the disk is gone');
    };
    const stream = await follow(server);
    await until('it is over', async () => (await follow(server)).status === 200);
    expect(stream.entries()).toEqual([]);
  });

  it('is one of many without a warning', async () => {
    const warnings: Error[] = [];
    const collect = (warning: Error): void => void warnings.push(warning);
    process.on('warning', collect);
    const server = await serve();
    server.say('a');
    const streams = await Promise.all(Array.from({ length: 30 }, () => follow(server)));
    for (let n = 2; n <= 15; n += 1) {
      await Promise.all(streams.map((each) => each.take(n - 1)));
      server.say('again');
    }
    await Promise.all(streams.map((each) => each.take(15)));
    process.off('warning', collect);
    expect(warnings).toEqual([]);
  });
});

describe('a Last-Event-ID', () => {
  it('is the id of an event, or missing', () => {
    expect([lastEventId('0'), lastEventId('42'), lastEventId(undefined)]).toEqual([0, 42, undefined]);
  });

  it.each(['', '-1', '1.5', 'abc', '9'.repeat(16)])('is refused when it is "%s"', (text) => {
    expect(() => lastEventId(text)).toThrow(
      expect.objectContaining({
        status: 422,
        errors: [{ field: 'last-event-id', message: expect.any(String) }],
      }),
    );
  });
});
