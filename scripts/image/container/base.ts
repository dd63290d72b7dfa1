import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ask, buildah } from './engine.ts';

const NAME = 'localhost/tradewind-base';
/** Links on a Debian of today, which belong to no package. */
const LINKS = ['/bin', '/sbin', '/lib', '/lib64'];
const UNUSED = /^\/usr\/share\/(?:doc|man|info|locale|lintian|bash-completion)\//;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The name of an image that stands in for `node:24-bookworm-slim` where no registry can be reached: the essential packages
 * of this Debian, the pinned Node and this machine's npm. Made once for each version of Node.
 */
export function standIn(): string {
  const name = `${NAME}:${process.versions.node}`;
  if (buildah('images', '--filter', `reference=${name}`, '--quiet') !== '') return name;
  const container = buildah('from', 'scratch');
  try {
    fill(buildah('mount', container));
    const env = [`PATH=${PATH}`, `NODE_VERSION=${process.versions.node}`].flatMap((each) => ['--env', each]);
    buildah('config', ...env, '--cmd', 'node', container);
    buildah('commit', '--quiet', container, name);
  } finally {
    buildah('rm', container);
  }
  return name;
}

function fill(folder: string): void {
  const list = files().join('\0');
  const packed = execFileSync('tar', ['-c', '-C', '/', '--null', '--no-recursion', '-T', '-'], {
    input: list,
    maxBuffer: 1024 ** 3,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  execFileSync('tar', ['-x', '-C', folder], { input: packed });
  for (const made of [
    'tmp',
    'root',
    'etc',
    'proc',
    'dev',
    'sys',
    'usr/local/bin',
    'usr/local/lib/node_modules',
  ])
    mkdirSync(join(folder, made), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\n');
  cpSync(process.execPath, join(folder, 'usr/local/bin/node'));
  const npm = 'lib/node_modules/npm';
  cpSync(dirname(dirname(realpathSync(ask('sh', '-c', 'command -v npm')))), join(folder, 'usr/local', npm), {
    recursive: true,
  });
  symlinkSync(`../${npm}/bin/npm-cli.js`, join(folder, 'usr/local/bin/npm'));
}

/** The files of the packages that Debian calls essential, of libstdc++ and of what these depend on, without the leading `/`. */
function files(): string[] {
  const listed = ask('dpkg-query', '--listfiles', ...packages())
    .split('\n')
    .filter((path) => path.startsWith('/') && !UNUSED.test(path) && exists(path))
    // A package may name /bin/sh where /bin is a link to /usr/bin by now.
    .map((path) => join(realpathSync(dirname(path)), basename(path)));
  const links = LINKS.filter((path) => exists(path) && lstatSync(path).isSymbolicLink());
  return [...new Set([...links, ...listed, '/usr/bin/sh'])].map((path) => path.slice(1)).filter(Boolean);
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function packages(): string[] {
  const format = '${db:Status-Status}|${Package}|${Essential}|${Pre-Depends},${Depends}\\n';
  const installed = ask('dpkg-query', '--show', `--showformat=${format}`)
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([status]) => status === 'installed');
  const needs = new Map(
    installed.map(([, name = '', , ...depends]) => [
      name,
      depends
        .join('|')
        .split(/[,|]/)
        .map((each) => each.trim().replace(/[ :(].*$/, '')),
    ]),
  );
  const wanted = new Set(
    installed.filter(([, , essential]) => essential === 'yes').map(([, name = '']) => name),
  );
  for (const name of wanted.add('libstdc++6'))
    for (const next of needs.get(name) ?? []) if (needs.has(next)) wanted.add(next);
  return [...wanted];
}
