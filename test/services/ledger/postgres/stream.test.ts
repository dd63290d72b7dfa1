import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keep } from '../../../../services/ledger/archive.ts';
import { STAFF_TOKEN } from '../../../support/service.ts';
import { watch, type Watch } from '../../../support/sse.ts';
import { until } from '../../../support/until.ts';
import { Archivist } from '../archivist.ts';

let archivist: Archivist;
const open: Watch[] = [];
beforeEach(async () => {
  archivist = await Archivist.open();
});
afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await archivist[Symbol.asyncDispose]();
});

async function follow(path: string): Promise<Watch> {
  const each = await watch(archivist.url + path, { authorization: `Bearer ${STAFF_TOKEN}` });
  open.push(each);
  await until('it has begun', () => each.text() !== '');
  return each;
}

/** Keeps an event in a transaction that commits only when it is told to. */
async function keepSlowly(id: string): Promise<() => Promise<void>> {
  const attributes = { id, source: '/test', type: 'test.happened.v1', correlationid: 'TW-1' };
  const word = Promise.withResolvers<void>();
  const written = Promise.withResolvers<void>();
  const kept = archivist.service.service.store.write(async (tx) => {
    await keep(tx, { attributes, data: undefined }, new Date());
    written.resolve();
    await word.promise;
  });
  await written.promise;
  return async () => {
    word.resolve();
    await kept;
  };
}

const idsOf = (each: Watch): unknown[] => each.entries().map(({ data }) => data['id']);

describe('a stream of what several transactions keep at once', () => {
  it.each([
    '/api/events/stream',
    '/api/events/stream?correlation=TW-1&type=test.happened.v1',
    '/api/trees/TW-1/stream',
  ])('%s tells what has the lower number first, though it is committed later', async (path) => {
    const stream = await follow(path);
    const commit = await keepSlowly('early');
    await archivist.keep({ id: 'late', correlationid: 'TW-1' });
    const second = await follow(
      path.includes('trees') ? path : `${path}${path.includes('?') ? '&' : '?'}after=0`,
    );
    await commit();
    await Promise.all([stream.take(2), second.take(2)]);
    expect([idsOf(stream), idsOf(second)]).toEqual([
      ['early', 'late'],
      ['early', 'late'],
    ]);
  });

  it('begins with what was at work when its reader came', async () => {
    const commit = await keepSlowly('early');
    await archivist.keep({ id: 'late' });
    const stream = await follow('/api/events/stream');
    await commit();
    await until('the early one came', () => idsOf(stream).includes('early'));
  });
});
