import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { buildImage } from '../../scripts/image/container/build.ts';
import { mountFiles, startContainer, type Container, type Files } from '../../scripts/image/container/run.ts';
import { copyContext, describeContainers, statusOf } from '../support/containers.ts';
import { freePortBase } from '../support/ports.ts';
import { until } from '../support/until.ts';

const CARD = 'services/payment/service.ts';
const RULES = 'services/payment/decide.ts';

describeContainers('the image for development, as skaffold dev runs it', () => {
  let context: string;
  let files: Files;
  let container: Container;
  let url: string;
  beforeAll(async () => {
    context = copyContext();
    const image = buildImage(context, 'dev', { tag: 'test-dev' });
    files = mountFiles(image);
    const port = await freePortBase(1);
    url = `http://127.0.0.1:${port}`;
    const env = { PORT: String(port), HOST: '127.0.0.1' };
    container = await startContainer(files, { args: ['payment'], env, readOnly: false });
    await container.ready();
  }, 300_000);
  afterAll(async () => {
    await container.remove();
    files.remove();
    rmSync(context, { recursive: true });
  });

  const edit = (file: string, change: (text: string) => string): void => {
    const path = join(context, file);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
    // Skaffold's own command, for what it found to have changed.
    const tar = execFileSync('tar', ['-c', '-C', context, '--transform', 's,^,app/,', file]);
    container.exec(['tar', 'xmf', '-', '-C', '/', '--no-same-owner'], tar);
  };
  const summary = async (): Promise<string> => {
    const answer = await fetch(`${url}/openapi.json`).catch(() => undefined);
    return answer ? await answer.text() : '';
  };
  const isUp = async (): Promise<boolean> =>
    (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200;

  it.each(['first', 'second', 'third'])(
    'runs what was saved, the %s time of the same file too',
    async (time) => {
      edit(CARD, (text) => text.replace(/Holds the money[^']*/, `Holds the money, ${time} version`));
      await until('the new code runs', async () => (await summary()).includes(`${time} version`));
    },
  );

  it('survives a mistake, says where it is, and is healed by the next save', async () => {
    edit(RULES, (text) => `${text}const broken = ;\n`);
    await until('it has failed', () => container.log().includes('Failed running'));
    expect(container.log()).toContain(`/app/${RULES}:`);
    expect(await isUp()).toBe(false);
    expect(statusOf(container.pid, 'NSpid').split('\t').at(-1)).toBe('1');
    edit(RULES, (text) => text.replace('const broken = ;\n', ''));
    await until('it is back', isUp);
  });

  it('passes SIGTERM on: the service stops well', async () => {
    expect(await container.stop()).toBe(0);
    expect(container.log()).toMatch(/"stopped"\}\n$/);
  });
});
