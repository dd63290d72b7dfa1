import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { documents } from '../../scripts/generate/documents.ts';
import { complaint, findDrift } from '../../scripts/generate/drift.ts';
import { root } from '../support/root.ts';

const wanted = documents(root);

describe('the generated documents', () => {
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'tradewind-docs-'));
    for (const path of ['README.md', 'docs', 'k8s', 'charts']) {
      await cp(join(root, path), join(copy, path), { recursive: true, verbatimSymlinks: true });
    }
  });
  afterAll(() => rm(copy, { recursive: true, force: true }));

  it('say what cards, events and Triggers say', () => {
    expect(complaint(findDrift(root, wanted))).toBeUndefined();
  });

  it('are named, with the command that mends them, when they drift', async () => {
    const readme = await readFile(join(copy, 'README.md'), 'utf8');
    await writeFile(join(copy, 'README.md'), readme.replace('| 8082 |', '| 8092 |'));
    await rm(join(copy, 'k8s/kustomization.yaml'));
    await writeFile(join(copy, 'docs/events.md'), '# Events\n');
    await rm(join(copy, 'docs/asyncapi.yaml'));
    await writeFile(join(copy, 'docs/events/shop.tradewind.order.forgotten.v1.schema.json'), '{}');
    expect(complaint(findDrift(copy, wanted))?.split('\n')).toEqual([
      'README.md is not what the code says',
      'k8s/kustomization.yaml is not what the code says',
      'docs/events.md is not what the code says',
      'docs/asyncapi.yaml is not what the code says',
      'docs/events/shop.tradewind.order.forgotten.v1.schema.json belongs to no event',
      'Run: npm run docs',
    ]);
  });

  it('leave what people wrote around the table of programs', async () => {
    const path = join(copy, 'README.md');
    const readme = await readFile(path, 'utf8');
    await writeFile(path, readme.replace(/^\| \[payment\].*\n/m, '').replace('# Tradewind', '# My shop'));
    const mended = documents(copy).get('README.md');
    expect(mended).toContain('| [payment](services/payment/service.ts) ');
    expect(mended).toMatch(/^# My shop\n/);
    await writeFile(path, readme.replace('<!-- end of programs -->', ''));
    expect(() => documents(copy)).toThrow('README.md needs the lines');
  });
});
