// Plain JavaScript for the Node that happens to be there: brings node_modules, the pinned Node among it, up to the lock file.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = `${root}node_modules/.installed-lock`;
const turnstile = `${root}.installing`;
const STALE_MS = 10 * 60_000;
const wanted = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

if (!isInstalled()) {
  await takeTurn();
  try {
    // Whoever was before us may have done it.
    if (!isInstalled()) install();
  } finally {
    rmSync(turnstile, { recursive: true, force: true });
  }
}

function isInstalled() {
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined;
  return stamp === wanted && existsSync(`${root}node_modules/node/bin`);
}

/** Two commands started at once must not install into the same folder. */
async function takeTurn() {
  for (let waited = false; ; waited = true) {
    try {
      mkdirSync(turnstile);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!waited) console.error('tradewind: another command is installing the dependencies; waiting for it');
    if (isStale()) rmSync(turnstile, { recursive: true, force: true });
    else await sleep(300);
  }
}

function isStale() {
  try {
    return Date.now() - statSync(turnstile).mtimeMs > STALE_MS;
  } catch {
    return false;
  }
}

function install() {
  const why = existsSync(stampFile) ? 'package-lock.json has changed' : 'they are not there yet';
  console.error(
    `tradewind: installing the locked dependencies, Node 24 among them (${why}); about half a minute`,
  );
  const { status } = spawnSync('npm', ['ci', '--include=dev', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status === 0) writeFileSync(stampFile, wanted);
  else {
    console.error('tradewind: npm ci failed; what it said stands above');
    process.exitCode = 1;
  }
}
