import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { documents } from './generate/documents.ts';
import { complaint, findDrift } from './generate/drift.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = documents(root);
const drift = findDrift(root, wanted);

const [option, ...more] = process.argv.slice(2);
if (option === '--check' && more.length === 0) check();
else if (option === undefined) write();
else {
  console.error(
    'npm run docs -- [--check]\n\nWrites the generated pages; with --check only says which of them are stale.',
  );
  process.exitCode = option === '--help' ? 0 : 1;
}

function check(): void {
  const text = complaint(drift);
  if (text === undefined) return;
  console.error(text);
  process.exitCode = 1;
}

function write(): void {
  for (const path of drift.drifted) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), wanted.get(path) ?? '');
    console.log(`wrote ${path}`);
  }
  for (const path of drift.orphaned) {
    rmSync(join(root, path));
    console.log(`removed ${path}`);
  }
}
