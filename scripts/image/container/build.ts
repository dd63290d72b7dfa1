import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../../../platform/config.ts';
import { standIn } from './base.ts';
import { ask, buildah } from './engine.ts';

/** The parts of an image's configuration that a container is started by. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** An image in buildah's store. */
export interface BuiltImage {
  readonly name: string;
  readonly config: ImageConfig;
  /** Bytes of each layer, the base's first; not compressed. */
  readonly layers: readonly number[];
  /** What buildah said while it built. */
  readonly log: string;
}

export interface BuildOptions {
  /** What to build on instead of the stand-in. */
  readonly base?: string | undefined;
  readonly tag?: string;
}

const BUILD = ['bud', '--layers', '--isolation', 'chroot', '--network', 'host'];

/** Builds a target of the Dockerfile of `root`. @throws Error with the log when a step fails */
export function buildImage(root: string, target: string, options: BuildOptions = {}): BuiltImage {
  const name = `localhost/tradewind:${options.tag ?? target}`;
  const npm = npmSettings();
  try {
    const log = buildah(
      ...BUILD,
      ...buildArguments(root, options.base ?? standIn()),
      ...npm.mounts.flatMap((mount) => ['--volume', `${mount}:ro`]),
      `--target=${target}`,
      `--tag=${name}`,
      root,
    );
    return { name, log, ...inspect(name) };
  } finally {
    npm.remove();
  }
}

function buildArguments(root: string, base: string): string[] {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const given = { BASE: base, VERSION: version, REVISION: revisionOf(root) };
  return Object.entries(given).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]);
}

function revisionOf(root: string): string {
  return existsSync(join(root, '.git')) ? ask('git', '-C', root, 'rev-parse', 'HEAD') : '';
}

function inspect(name: string): Pick<BuiltImage, 'config' | 'layers'> {
  const { Config, Manifest } = JSON.parse(buildah('inspect', '--type', 'image', name)) as Record<
    string,
    string
  >;
  const { config } = JSON.parse(Config ?? '') as { config: ImageConfig };
  const { layers } = JSON.parse(Manifest ?? '') as { layers: { size: number }[] };
  return { config, layers: layers.map(({ size }) => size) };
}

/** How this machine reaches its npm registry, for the RUN steps alone: nothing of it becomes part of a layer. */
function npmSettings(): { mounts: string[]; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-npm-'));
  const own = ask('npm', 'config', 'get', 'userconfig');
  const authorities = environment()['NODE_EXTRA_CA_CERTS'] ?? '';
  const file = join(folder, 'npmrc');
  const lines = [existsSync(own) ? readFileSync(own, 'utf8') : ''];
  if (authorities) lines.push('cafile=/etc/npm-authorities.crt');
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return {
    mounts: [`${file}:/root/.npmrc`, ...(authorities ? [`${authorities}:/etc/npm-authorities.crt`] : [])],
    remove: () => rmSync(folder, { recursive: true }),
  };
}
