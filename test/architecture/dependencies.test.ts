import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '../support/root.ts';
import { readSources } from './sources.ts';

const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const page = readFileSync(join(root, 'docs/decisions/dependencies.md'), 'utf8');
const reasons = new Map(
  [...page.matchAll(/^\| `([^`]+)` +\| (.+?) +\|$/gm)].map(([, name = '', reason = '']) => [name, reason]),
);
const names = Object.keys(dependencies);

describe('runtime dependencies', () => {
  it.each(names)('%s has its reason in one sentence', (name) => {
    expect(reasons.get(name)).toMatch(/^[A-Z].{20,}\.$/);
  });

  it('are all that the page lists', () => {
    expect([...reasons.keys()].toSorted()).toEqual(names.toSorted());
  });

  it('are all in use, and nothing else is', () => {
    const sources = readSources('platform', 'events', 'services');
    const imported = sources
      .flatMap(({ imports }) => imports.filter(({ typeOnly }) => !typeOnly))
      .flatMap(({ target }) => (target.startsWith('npm:') ? [target.slice('npm:'.length)] : []));
    // A package of files, a font for example, is resolved by the path of one.
    const resolved = names.filter((name) => sources.some(({ text }) => text.includes(`resolve(\`${name}/`)));
    expect([...new Set([...imported, ...resolved])].toSorted()).toEqual(names.toSorted());
  });
});
