import { afterEach, describe, expect, it } from '@jest/globals';
import type { WireEvent } from '../../platform/cloudevents.ts';
import type { Tap } from '../../platform/service.ts';
import { asked, exampleService } from '../support/example.ts';
import { startTestService, type TestService } from '../support/service.ts';

/** Remembers what it saw, and how often it saw it. */
function remembering(attributes: Record<string, string>): Tap<object> & { readonly seen: WireEvent[] } {
  const seen: WireEvent[] = [];
  return {
    attributes,
    seen,
    async take(_tx, event) {
      const known = seen.some((each) => each.attributes['id'] === event.attributes['id']);
      seen.push(event);
      if (event.attributes['subject'] === 'dull') return 'ignored';
      return known ? 'duplicate' : 'handled';
    },
  };
}

describe('a tap', () => {
  let service: TestService | undefined;
  afterEach(() => service?.close());

  const start = async (...taps: Tap<object>[]): Promise<TestService> => {
    service = await startTestService(exampleService({ taps }));
    return service;
  };
  const post = async (attributes: Record<string, string>, body: string | Buffer = 'any'): Promise<number> => {
    const event = { specversion: '1.0', id: '1', source: '/x', type: 'com.example.other', ...attributes };
    const headers = Object.fromEntries(Object.entries(event).map(([name, value]) => [`ce-${name}`, value]));
    const options = { method: 'POST', headers, body: new Uint8Array(Buffer.from(body)) };
    return (await fetch(`${service?.service.url}/events`, options)).status;
  };
  const inbox = () => service?.service.store.read.all<{ id: string }>('select id from inbox');
  const outcomes = async (): Promise<Record<string, number>> => {
    const text = String((await service?.call('GET', '/metrics'))?.body);
    const lines = text.matchAll(/^tradewind_events_total\{.*outcome="(\w+)".*\} (\d+)$/gm);
    return Object.fromEntries([...lines].map(([, outcome, count]) => [outcome, Number(count)]));
  };

  it('gets what no subscription takes, of any type and with any data, as it was on the wire', async () => {
    const tap = remembering({ color: 'red' });
    await start(tap);
    const bytes = Buffer.from([0, 255, 10]);
    expect(await post({ color: 'red', extra: 'x' }, bytes)).toBe(204);
    expect(await post({ color: 'blue', id: '2' })).toBe(204);
    expect(await service?.deliver(asked, asked.example, { color: 'red' })).toBe(204);
    expect(tap.seen).toEqual([
      {
        attributes: {
          specversion: '1.0',
          id: '1',
          source: '/x',
          type: 'com.example.other',
          color: 'red',
          extra: 'x',
        },
        data: bytes,
      },
    ]);
    expect(await outcomes()).toEqual({ handled: 1, not_of_interest: 1 });
  });

  it('sees every delivery, with no inbox before it, and says what became of each', async () => {
    const tap = remembering({});
    await start(tap);
    for (const id of ['1', '1', '2', '1']) expect(await post({ id })).toBe(204);
    await post({ id: '3', subject: 'dull' });
    expect(tap.seen.map(({ attributes }) => attributes['id'])).toEqual(['1', '1', '2', '1', '3']);
    expect(await inbox()).toEqual([]);
    expect(await outcomes()).toEqual({ handled: 2, duplicate: 2, ignored: 1 });
  });

  it('is told which replay brought an event', async () => {
    const told: (string | undefined)[] = [];
    await start({
      attributes: {},
      async take(_tx, _event, _scope, replay) {
        told.push(replay);
        return 'handled';
      },
    });
    await post({});
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-source': '/x',
      'ce-type': 'x',
      'knative-replay': 'r',
    };
    await fetch(`${service?.service.url}/events`, { method: 'POST', headers });
    expect(told).toEqual([undefined, 'r']);
  });

  it('is the first one that fits', async () => {
    const [first, second] = [remembering({ color: 'red' }), remembering({})];
    await start(first, second);
    await post({ color: 'red' });
    await post({ id: '2' });
    expect([first.seen.length, second.seen.length]).toEqual([1, 1]);
  });

  it('gets nothing that is no CloudEvent, or whose id is too long for an index', async () => {
    const tap = remembering({});
    await start(tap);
    expect(await post({ specversion: '0.3' })).toBe(400);
    expect(await post({ id: 'x'.repeat(1025) })).toBe(400);
    expect(tap.seen).toEqual([]);
  });

  it('that fails has kept nothing, and the event comes again', async () => {
    let fails = true;
    await start({
      attributes: {},
      async take(tx, { attributes: { id = '', source = '' } }, { now }) {
        const sql = 'insert into inbox (source, id, received_at) values ($1, $2, $3)';
        await tx.run(sql, source, id, now.toISOString());
        if (fails) throw new Error('not now');
        return 'handled';
      },
    });
    expect([await post({}), await inbox()]).toEqual([500, []]);
    fails = false;
    expect([await post({}), await inbox()]).toEqual([204, [{ id: '1' }]]);
  });
});
