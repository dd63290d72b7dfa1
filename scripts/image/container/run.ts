import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { portOf } from '../start.ts';
import type { BuiltImage } from './build.ts';
import { buildah } from './engine.ts';

/** The files of an image, mounted; what is changed there does not change the image. */
export interface Files {
  readonly image: BuiltImage;
  readonly path: string;
  remove(): void;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** What a container is started with beside its image. */
export interface RunOptions {
  readonly args?: readonly string[];
  /** In place of the image's own entrypoint. */
  readonly entrypoint?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether its files cannot be written, as the chart has it. */
  readonly readOnly?: boolean;
}

/** A container that runs: the network of this machine, all else as in a Pod of the chart. */
export interface Container {
  /** Of its first process, as this machine sees it. */
  readonly pid: number;
  readonly log: () => string;
  /** The port that its service says it is ready on. @throws Error with its log when it ends before */
  ready(): Promise<number>;
  /** Runs a command in it as `kubectl exec` does: by its user, with its environment. @throws Error when it fails */
  exec(command: readonly string[], input?: Buffer): string;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number | null>;
  /** Waits for its end, by SIGTERM. @returns its exit code. */
  stop(): Promise<number | null>;
  /** Also removes its data. */
  remove(): Promise<void>;
}

/** Mounts a container's own copy of the files. */
export function mountFiles(image: BuiltImage): Files {
  const container = buildah('from', image.name);
  return { image, path: buildah('mount', container), remove: () => void buildah('rm', container) };
}

/** Starts a container and waits until its first process is there. */
export async function startContainer(files: Files, options: RunOptions = {}): Promise<Container> {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-container-'));
  const [uid = 0, gid = 0] = files.image.config.User.split(':').map(Number);
  mkdirSync(join(folder, 'data'));
  chownSync(join(folder, 'data'), uid, gid);
  const spec = specOf(files, options, join(folder, 'data'), { uid, gid });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(spec));
  const pidFile = join(folder, 'pid');
  const child = crun(folder, ['run', '--bundle', folder, '--pid-file', pidFile, 'it']);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log += String(text)));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const pid = await pidIn(pidFile, child, () => log);
  const kill = (signal: NodeJS.Signals): void => void process.kill(pid, signal);
  const stop = (): Promise<number | null> => {
    if (child.exitCode === null) kill('SIGTERM');
    return exited;
  };
  return {
    pid,
    log: () => log,
    ready: () => portOf(child.stderr, files.image.name),
    exec: (command, input) => execIn(folder, { ...spec.process, args: command }, input),
    kill,
    exited,
    stop,
    async remove() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** crun, without cgroups, of which a machine may have a kind that it does not know. */
const CRUN = ['--mount', 'sh', '-c', 'mount -t tmpfs none /sys/fs/cgroup && exec crun "$@"', 'crun'];

function crunArguments(folder: string, args: readonly string[]): string[] {
  return [...CRUN, '--root', join(folder, 'state'), '--cgroup-manager=disabled', ...args];
}

function crun(folder: string, args: readonly string[]): Child {
  return spawn('unshare', crunArguments(folder, args), { stdio: ['ignore', 'pipe', 'pipe'] });
}

function execIn(folder: string, process: object, input?: Buffer): string {
  const file = join(folder, 'exec.json');
  writeFileSync(file, JSON.stringify(process));
  const args = crunArguments(folder, ['exec', '--process', file, 'it']);
  const { status, stdout, stderr } = spawnSync('unshare', args, { input: input ?? '', encoding: 'utf8' });
  if (status !== 0) throw new Error(`the command ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}

async function pidIn(file: string, child: Child, log: () => string): Promise<number> {
  for (;;) {
    try {
      const pid = Number(readFileSync(file, 'utf8'));
      if (pid > 0) return pid;
    } catch {
      // Not written yet.
    }
    if (child.exitCode !== null) throw new Error(`the container did not start: ${log()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The container by the OCI runtime specification: no capability, no way to get one, no terminal. */
function specOf(files: Files, options: RunOptions, data: string, user: object) {
  const { config } = files.image;
  const own = Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`);
  const none = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };
  const hardened = ['nosuid', 'nodev'];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user,
      args: [...(options.entrypoint ?? config.Entrypoint), ...(options.args ?? config.Cmd)],
      env: [...config.Env, ...own],
      cwd: config.WorkingDir,
      capabilities: none,
      noNewPrivileges: true,
    },
    root: { path: files.path, readonly: options.readOnly ?? true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
      { destination: '/data', type: 'bind', source: data, options: ['bind', 'rw', ...hardened] },
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['mode=1777', ...hardened] },
    ],
    linux: { namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })) },
  };
}
