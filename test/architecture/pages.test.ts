import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '../support/root.ts';

const pages = globSync(['*.md', 'docs/**/*.md', 'charts/*/*.md'], { cwd: root }).toSorted();

describe('pages', () => {
  it.each(pages)('%s links to what is there', (page) => {
    const text = readFileSync(join(root, page), 'utf8').replaceAll(/^```.*?^```$/gms, '');
    const links = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
    expect(links.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });

  it('of decisions are all in their list', () => {
    const list = readFileSync(join(root, 'docs/decisions/README.md'), 'utf8');
    const listed = [...list.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    const there = globSync('*.md', { cwd: join(root, 'docs/decisions') });
    expect([...listed, 'README.md'].toSorted()).toEqual(there.toSorted());
  });
});
