// Plain JavaScript for the Node that happens to be there: brings node_modules, the pinned Node among it, up to the lock file.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = `${root}node_modules/.installed-lock`;
const wanted = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

if (installed() !== wanted || !existsSync(`${root}node_modules/node/bin`)) {
  const why = existsSync(stampFile) ? 'package-lock.json has changed' : 'they are not there yet';
  console.error(
    `tradewind: installing the locked dependencies, Node 24 among them (${why}); about half a minute`,
  );
  const { status } = spawnSync('npm', ['ci', '--include=dev', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('tradewind: npm ci failed; what it said stands above. Is the npm registry within reach?');
    process.exit(1);
  }
  writeFileSync(stampFile, wanted);
}

function installed() {
  return existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined;
}
