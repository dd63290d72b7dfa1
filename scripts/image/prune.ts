import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Types, maps and pages; licences stay. */
const FILES = /\.(?:[cm]?ts|map|flow|html|ps|lock|yml)$|^(?!licen[cs]e).*\.(?:md|markdown)$/i;
const FOLDERS = new Set(['test', 'tests', 'example', 'examples', 'benchmarks', 'docs', '.github']);
/** What single packages carry for others: builds for browsers and bundlers, sources. */
const PARTS = [
  'bwip-js/fonts',
  'bwip-js/src',
  'bwip-js/stb_truetype.h',
  'cloudevents/bundles',
  'pdf-lib/dist',
  'pdf-lib/es',
  'pdf-lib/src',
  'pdf-lib/ts3.4',
  'stripe/cjs',
  'yaml/browser',
  'zod/src',
].map((part) => join('node_modules', part));
/** The fonts of the labels. */
const FONTS = new Set(['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf']);

/** Takes out of `node_modules` what no service reads while it runs. */
for (const part of PARTS) rmSync(part, { recursive: true });
prune('node_modules');

function prune(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && FOLDERS.has(entry.name)) rmSync(path, { recursive: true });
    else if (entry.isDirectory()) prune(path);
    else if (FILES.test(entry.name) || isOtherFont(entry.name)) rmSync(path);
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

function isOtherFont(name: string): boolean {
  return name.endsWith('.ttf') && !FONTS.has(basename(name));
}
