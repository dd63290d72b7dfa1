import { execFileSync, spawnSync } from 'node:child_process';
import { environment } from '../../../platform/config.ts';

/** What builds and runs an image here: no daemon, no registry, no networks of their own. */
const TOOLS = ['buildah', 'crun', 'unshare', 'tar', 'dpkg-query'];

/** Why no image can be built and run here, as a sentence; `undefined` when it can. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'containers are built and run by root alone here';
  const lacking = TOOLS.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
  if (lacking.length > 0) return `${lacking.join(', ')} missing: on Debian, apt-get install buildah crun`;
  const { status } = spawnSync('unshare', ['--mount', 'true']);
  return status === 0 ? undefined : 'no right to make namespaces';
}

/** Runs buildah and returns what it says. @throws Error with all that it said when it fails */
export function buildah(...args: string[]): string {
  driver ??= environment()['STORAGE_DRIVER'] ?? (hasOverlays() ? 'overlay' : 'vfs');
  const { status, stdout, stderr } = call(driver, args);
  if (status !== 0) throw new Error(`buildah ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout.trim();
}

let driver: string | undefined;

/** Whether layers can lie on each other here; else each is a whole copy, and a build takes minutes. */
export function hasOverlays(): boolean {
  return call('overlay', ['images']).status === 0;
}

function call(storage: string, args: readonly string[]) {
  const maxBuffer = 64 * 1024 * 1024;
  return spawnSync('buildah', ['--storage-driver', storage, ...args], { encoding: 'utf8', maxBuffer });
}

/** What a command says. */
export function ask(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
