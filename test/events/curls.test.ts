import { execFile, spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { vocabulary } from '../../events/index.ts';
import { parseEvent, type WireEvent } from '../../platform/cloudevents.ts';
import { readBody } from '../../platform/http/body.ts';
import { listen, type Listening } from '../../platform/http/listen.ts';
import { services } from '../../services/index.ts';
import { startTestBroker } from '../support/broker.ts';
import { openReceiver, type Receiver } from '../support/receiver.ts';
import { root } from '../support/root.ts';
import { until } from '../support/until.ts';

const BROKER = 'http://127.0.0.1:8081';
const sections = sectionsOf(readFileSync(join(root, 'docs/events.md'), 'utf8'));
const run = promisify(execFile);

const curlThere = spawnSync('curl', ['--version']).status === 0;
if (!curlThere)
  process.stderr.write('SKIPPED: there is no curl to run the commands of docs/events.md with\n');

(curlThere ? describe : describe.skip)('the curls of docs/events.md', () => {
  const got: { path: string; mode: string; event: WireEvent }[] = [];
  let door: Listening;

  beforeAll(async () => {
    door = await listen((request, response) => void answer(request, response), 0, '127.0.0.1');
  });
  afterAll(() => door.close(0));

  it.each(vocabulary.map((contract) => [contract.name, contract] as const))(
    'send %s in both modes, as its contract has it',
    async (name, contract) => {
      got.length = 0;
      const { commands = [] } = sections.get(name) ?? {};
      expect(commands).toHaveLength(2);
      for (const command of commands) await send(command, door.url);
      expect(got.map(({ mode }) => mode)).toEqual(['binary', 'structured']);
      for (const { path, event } of got) {
        expect(path).toBe('/default/shop');
        expect(event.attributes).toMatchObject({
          ...contract.attributes,
          type: contract.type,
          source: contract.source,
          dataschema: contract.dataschema,
          dataclassification: contract.classification,
        });
        const data: unknown = JSON.parse(event.data?.toString() ?? '');
        expect(contract.schema.parse(data)).toEqual(contract.example);
      }
      expect(got[0]?.event.attributes).toEqual(got[1]?.event.attributes);
    },
  );

  /** Takes what a broker would take. */
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const event = parseEvent(request.headersDistinct, await readBody(request, 1024 * 1024));
      const structured = request.headers['content-type']?.includes('cloudevents') ?? false;
      got.push({ path: request.url ?? '', mode: structured ? 'structured' : 'binary', event });
      response.writeHead(202).end();
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  }
});

(curlThere ? describe : describe.skip)('the curls of docs/events.md, sent to the local broker', () => {
  it('reach the services that the page names, and nobody else', async () => {
    await using receivers = new AsyncDisposableStack();
    const byService = new Map<string, Receiver>();
    for (const { name } of services) byService.set(name, receivers.use(await openReceiver()));
    await using broker = await startTestBroker(
      manifests(),
      Object.fromEntries([...byService].map(([name, { url }]) => [name, url])),
    );
    for (const { commands } of sections.values()) {
      for (const command of commands) await send(command, broker.broker.url);
    }
    await until('everything is delivered', () => broker.broker.idle());
    for (const [name, { got }] of byService) {
      const types = got.map(({ headers }) => String(headers['ce-type'])).toSorted();
      const told = vocabulary.filter((contract) => sections.get(contract.name)?.receivers.includes(name));
      expect(types).toEqual(told.flatMap(({ type }) => [type, type]).toSorted());
    }
  });
});

async function send(command: string, url: string): Promise<void> {
  expect(command).toContain(`curl -i ${BROKER}/default/shop`);
  const { stdout } = await run('sh', ['-c', command.replace(BROKER, url)]);
  expect(stdout).toMatch(/^HTTP\/1\.1 202 /);
}

/** What the page says of each event. */
function sectionsOf(page: string): Map<string, { commands: string[]; receivers: string[] }> {
  const texts = page.split(/^## /m).slice(1);
  return new Map(
    texts.map((text) => {
      const commands = [...text.matchAll(/^```sh\n(.+?)\n```$/gms)].map(([, command = '']) => command);
      const receivers = /, delivered to (.+)\. Classification/.exec(text)?.[1]?.split(', ') ?? [];
      return [text.slice(0, text.indexOf('\n')), { commands, receivers }];
    }),
  );
}

function manifests(): string {
  const files = globSync('{broker,triggers/*}.yaml', { cwd: join(root, 'k8s') });
  return files.map((file) => readFileSync(join(root, 'k8s', file), 'utf8')).join('\n---\n');
}
