import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, posix, relative } from 'node:path';
import { environment } from '../../platform/config.ts';
import { ignores, parseCopy, parseDockerfile, parseEnv, type Copy, type Stage } from './dockerfile.ts';

const WORKDIR = '/app';

/** A stage of the image as a folder: what a container would see at `/`, as far as the Dockerfile puts it there. */
export interface Layout {
  readonly folder: string;
  /** The working directory of its services. */
  readonly app: string;
  /** Node, where the image's user can reach it: this project may lie in somebody's own folder. */
  readonly node: string;
  /** What `ENV` says, with paths in this folder. */
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

/** Carries out the `COPY` and `RUN` lines that lead to a stage, without a container engine. */
export function buildLayout(root: string, target: string): Layout {
  const build = new Build(root);
  const folder = build.stage(target);
  return {
    folder,
    app: join(folder, WORKDIR),
    node: build.node,
    env: build.env(target, folder),
    remove: () => rmSync(build.folder, { recursive: true, force: true }),
  };
}

class Build {
  readonly folder = mkdtempSync(join(tmpdir(), 'tradewind-image-'));
  readonly node = join(this.folder, 'bin', 'node');
  readonly #root: string;
  readonly #stages: ReadonlyMap<string, Stage>;
  readonly #ignored: (path: string) => boolean;
  readonly #built = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
    // Services of the image run as somebody else.
    chmodSync(this.folder, 0o755);
    cpSync(process.execPath, this.node);
    const text = readFileSync(join(root, 'Dockerfile'), 'utf8');
    this.#stages = new Map(parseDockerfile(text).map((stage) => [stage.name, stage]));
    this.#ignored = ignores(readFileSync(join(root, '.dockerignore'), 'utf8'));
  }

  /** The folder of a stage, built once. */
  stage(name: string): string {
    const known = this.#built.get(name);
    if (known !== undefined) return known;
    const folder = join(this.folder, name);
    this.#built.set(name, folder);
    mkdirSync(join(folder, WORKDIR), { recursive: true });
    const { base, instructions } = this.#stageOf(name);
    if (this.#stages.has(base)) cpSync(this.stage(base), folder, { recursive: true });
    for (const instruction of instructions) {
      if (instruction.name === 'COPY') this.#copy(parseCopy(instruction), folder);
      if (instruction.name === 'RUN') this.#run(join(folder, WORKDIR), instruction.text);
    }
    return folder;
  }

  env(name: string, folder: string): Record<string, string> {
    const lines = this.#stageOf(name).instructions.filter((each) => each.name === 'ENV');
    const all = Object.assign({}, ...lines.map(parseEnv)) as Record<string, string>;
    return Object.fromEntries(
      Object.entries(all).map(([key, value]) => [key, value.startsWith('/') ? join(folder, value) : value]),
    );
  }

  #stageOf(name: string): Stage {
    const stage = this.#stages.get(name);
    if (!stage) throw new Error(`the Dockerfile has no stage "${name}"`);
    return stage;
  }

  #copy({ from, sources, target }: Copy, folder: string): void {
    const base = from === undefined ? this.#root : this.stage(from);
    const filter = (path: string): boolean =>
      from !== undefined || !this.#ignored(relative(this.#root, path)) || path === this.#root;
    for (const source of sources) {
      const path = join(base, source);
      const into = join(folder, posix.resolve(WORKDIR, target));
      const keepsName = target.endsWith('/') && !statSync(path).isDirectory();
      cpSync(path, keepsName ? join(into, basename(source)) : into, { recursive: true, filter });
    }
  }

  #run(cwd: string, command: string): void {
    const path = [dirname(this.node), environment()['PATH'] ?? ''].join(delimiter);
    execFileSync('sh', ['-c', command], { cwd, env: { ...environment(), PATH: path }, stdio: 'pipe' });
  }
}
