import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCHEMA_FOLDER } from './documents.ts';

/** How the documents in the repository differ from what they should be. */
export interface Drift {
  /** Missing, or with another text. */
  readonly drifted: readonly string[];
  /** Schemas of events that there are no more. */
  readonly orphaned: readonly string[];
}

export function findDrift(root: string, wanted: ReadonlyMap<string, string>): Drift {
  return {
    drifted: [...wanted].filter(([path, text]) => textOf(join(root, path)) !== text).map(([path]) => path),
    orphaned: schemasIn(root).filter((path) => !wanted.has(path)),
  };
}

/** Names each fault and the command that mends it; `undefined` when there is none. */
export function complaint({ drifted, orphaned }: Drift): string | undefined {
  if (drifted.length + orphaned.length === 0) return undefined;
  return [
    ...drifted.map((path) => `${path} is not what the code says`),
    ...orphaned.map((path) => `${path} belongs to no event`),
    'Run: npm run docs',
  ].join('\n');
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function schemasIn(root: string): string[] {
  try {
    return readdirSync(join(root, SCHEMA_FOLDER)).map((name) => `${SCHEMA_FOLDER}/${name}`);
  } catch {
    return [];
  }
}
