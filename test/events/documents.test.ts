import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { documents } from '../../scripts/generate/documents.ts';
import { complaint, findDrift } from '../../scripts/generate/drift.ts';
import { root } from '../support/root.ts';

const wanted = documents(join(root, 'k8s'));

describe('the generated documents', () => {
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'tradewind-docs-'));
    await cp(join(root, 'docs'), join(copy, 'docs'), { recursive: true });
  });
  afterAll(() => rm(copy, { recursive: true, force: true }));

  it('say what events/ and k8s/ say', () => {
    expect(complaint(findDrift(root, wanted))).toBeUndefined();
  });

  it('are named, with the command that mends them, when they drift', async () => {
    await writeFile(join(copy, 'docs/events.md'), '# Events\n');
    await rm(join(copy, 'docs/asyncapi.yaml'));
    await writeFile(join(copy, 'docs/events/shop.tradewind.order.forgotten.v1.schema.json'), '{}');
    expect(complaint(findDrift(copy, wanted))?.split('\n')).toEqual([
      'docs/events.md is not what the code says',
      'docs/asyncapi.yaml is not what the code says',
      'docs/events/shop.tradewind.order.forgotten.v1.schema.json belongs to no event',
      'Run: npm run docs',
    ]);
  });
});
