import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listen } from '../../../platform/http/listen.ts';
import { freePortBase } from '../../support/ports.ts';
import { STAFF_TOKEN } from '../../support/service.ts';
import { at, run } from './command.ts';
import { openDesk, type Desk } from './desk.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
afterAll(async () => {
  await desk[Symbol.asyncDispose]();
});

describe('what was typed', () => {
  it('is answered with help and examples when nothing was', async () => {
    const { code, out } = await run([]);
    expect(code).toBe(0);
    expect(out).toContain('npm run --silent events -- tree TW-');
  });

  it.each(
    ['tail', 'list', 'show', 'tree', 'dead-letters', 'dead-letters show', 'replay', 'cancel', 'discard'].map(
      (name) => [name],
    ),
  )('%s --help has examples', async (name) => {
    const { code, out } = await run([...name.split(' '), '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Examples:\n  # `);
    expect(out).toContain(`npm run --silent events -- ${name}`);
  });

  it.each([
    ['lst', 'Did you mean list?'],
    ['list --since soon', 'must be a duration such as 10m'],
    ['list --url ftp://x', 'must be an http or https URL'],
    ['replay --reason because', 'pick them by'],
    ['replay 7', '--reason'],
    ['replay e-1 --reason because', 'goes with --events'],
    ['replay --all --source payment --reason because', 'say --events too'],
    ['replay --events --cause refused --reason because', 'leave --events out'],
  ])('"%s" is wrong usage, said with the way out', async (line, words) => {
    const { code, out, err } = await run(line.split(' '), at(desk));
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(words);
  });
});

describe('who is asked', () => {
  it('is named when nobody is there', async () => {
    const url = `http://127.0.0.1:${await freePortBase(1)}`;
    const { code, err } = await run(['list', '--url', url], at(desk));
    expect(code).toBe(1);
    expect(err).toContain(`no ledger answers at ${url} (ECONNREFUSED)`);
    expect(err).toContain('npm start');
  });

  it('is told the token of STAFF_TOKEN, of a file, or of the shop in a folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tradewind-cli-'));
    const file = join(folder, 'token');
    await writeFile(file, `${STAFF_TOKEN}\n`);
    await writeFile(join(folder, 'secrets.json'), JSON.stringify({ staffToken: STAFF_TOKEN }));
    const address = ['--url', desk.service.service.url];
    expect((await run(['list', ...address, '--token-file', file])).code).toBe(0);
    expect((await run(['list', ...address, '--data', folder])).code).toBe(0);
    const wrong = await run(['list', ...address], { STAFF_TOKEN: 'another-token-of-somebody' });
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain(
      'does not take the staff token of STAFF_TOKEN: this staff token is not valid',
    );
    await rm(folder, { recursive: true });
    const none = await run(['list', ...address, '--data', folder]);
    expect(none.code).toBe(1);
    expect(none.err).toContain('there is no staff token');
  });

  it('is doubted when it answers something else', async () => {
    const other = await listen(
      (request, response) =>
        void response.writeHead(request.url?.includes('audit') ? 404 : 200).end('{"items":[{}]}'),
      0,
      '127.0.0.1',
    );
    const odd = await run(['list', '--url', other.url], at(desk));
    expect([odd.code, odd.err]).toEqual([1, expect.stringContaining('items[0].seq is missing')]);
    const none = await run(['audit', '--url', other.url], at(desk));
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('is no ledger: it said 404')]);
    await other.close(0);
  });
});
