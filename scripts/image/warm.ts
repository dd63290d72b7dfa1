import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { services } from '../../services/index.ts';

/** Who runs the services in a cluster. V8's cache is looked for by user: it has to be this one who fills it. */
const ID = 65_532;
const cache = resolve('compile-cache');
const CACHING = { NODE_COMPILE_CACHE: cache, NODE_COMPILE_CACHE_PORTABLE: '1' };
const user = process.getuid?.() === 0 ? { uid: ID, gid: ID } : {};
const scratch = mkdtempSync(join(tmpdir(), 'tradewind-warm-'));

/** Starts and stops every service once, so that the image has their code compiled. */
for (const folder of [cache, scratch]) {
  mkdirSync(folder, { recursive: true });
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
}
for (const { name } of services) await startOnce(name);
rmSync(scratch, { recursive: true });
// V8 writes for its own user alone; in the image the files belong to root.
for (const entry of readdirSync(cache, { recursive: true, withFileTypes: true }))
  if (entry.isFile()) chmodSync(join(entry.parentPath, entry.name), 0o444);

async function startOnce(name: string): Promise<void> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'services/main.ts', name], {
    ...user,
    env: {
      NODE_ENV: 'production',
      ...CACHING,
      DATA_DIR: scratch,
      PORT: '0',
      HOST: '127.0.0.1',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.on('message', () => child.disconnect());
  const code = await new Promise<number | null>((ended) => child.on('exit', ended));
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
}
