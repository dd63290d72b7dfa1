import { describe, expect, it } from '@jest/globals';
import { listen } from '../../../platform/http/listen.ts';
import { connectTo } from '../../support/raw.ts';
import { until } from '../../support/until.ts';

const GRACE_MS = 20_000;

describe('a server', () => {
  it('takes headers as long as an event may have in binary mode', async () => {
    const listening = await listen(
      (request, response) => void response.end(String(request.headers['ce-note']?.length)),
      0,
      '127.0.0.1',
    );
    const answer = await fetch(listening.url, { headers: { 'ce-note': 'x'.repeat(200_000) } });
    expect([answer.status, await answer.text()]).toEqual([200, '200000']);
    await listening.close(GRACE_MS);
  });
});

describe('closing a server', () => {
  it('does not wait for a connection that never asked anything', async () => {
    const listening = await listen((_request, response) => void response.end('here'), 0, '127.0.0.1');
    const silent = await connectTo(listening.url);
    const answered = await fetch(listening.url);
    expect(await answered.text()).toBe('here');
    const start = performance.now();
    await listening.close(GRACE_MS);
    expect(performance.now() - start).toBeLessThan(GRACE_MS / 2);
    await until('the connection is gone', () => silent.socket.destroyed);
  });

  it('waits for a request at work', async () => {
    let finish: (() => void) | undefined;
    const listening = await listen(
      (_request, response) => {
        finish = () => void response.end('done');
      },
      0,
      '127.0.0.1',
    );
    const asked = await connectTo(listening.url);
    asked.send('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
    await until('the request is at work', () => finish !== undefined);
    let over = false;
    const closed = listening.close(GRACE_MS).then(() => {
      over = true;
      return over;
    });
    await until('nobody gets in any more', () => isRefused(listening.url));
    expect(over).toBe(false);
    finish?.();
    await closed;
    await until('the answer is there', () => asked.received.endsWith('done'));
  });
});

describe('a connection', () => {
  it('is closed after as many requests as are asked of it at most', async () => {
    const listening = await listen((_request, response) => void response.end('here'), 0, '127.0.0.1', {
      maxRequestsPerSocket: 2,
    });
    const asked = await connectTo(listening.url);
    for (const [answers, connection] of [
      [1, 'keep-alive'],
      [2, 'close'],
    ] as const) {
      asked.send('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
      await until('it is answered', () => asked.received.split('\r\n\r\nhere').length === answers + 1);
      expect(/.*^connection: (\S+)$/ims.exec(asked.received)?.[1]).toBe(connection);
    }
    await listening.close(GRACE_MS);
  });
});

async function isRefused(url: string): Promise<boolean> {
  try {
    const { socket } = await connectTo(url);
    socket.destroy();
    return false;
  } catch {
    return true;
  }
}
