import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { init, parse } from 'es-module-lexer';
import { root } from '../support/root.ts';

export interface Import {
  /** `npm:<package>`, `node:<module>`, or a path in the repository. */
  readonly target: string;
  readonly typeOnly: boolean;
}

export interface Source {
  /** Path in the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

await init();

/** Every TypeScript file of the given rooms. */
export function readSources(...rooms: readonly string[]): Source[] {
  const paths = globSync(
    rooms.map((room) => `${room}/**/*.ts`),
    { cwd: root },
  );
  return paths.toSorted().map((path) => toSource(path, readFileSync(join(root, path), 'utf8')));
}

export function toSource(path: string, text: string): Source {
  const [found] = parse(text, path);
  const imports = found.flatMap((each): Import[] => {
    if (typeof each.specifier !== 'string') return [];
    const typeOnly = each.type === 'dynamic' ? false : each.typeOnly;
    return [{ target: targetOf(path, each.specifier), typeOnly }];
  });
  return { path, text, imports };
}

function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return new URL(specifier, `file:///${path}`).pathname.slice(1);
  if (specifier.startsWith('node:')) return specifier;
  const parts = specifier.split('/');
  return `npm:${parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')}`;
}
