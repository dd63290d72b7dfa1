import { fork, type ChildProcess } from 'node:child_process';
import type { Log } from '../../platform/log.ts';
import { READY } from '../../platform/process.ts';
import type { Environment } from './plan.ts';

/** What is to be kept running. */
export interface Program {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Environment;
  /** Milliseconds that it may take to become ready. @default 20000 */
  readonly readyWithinMs?: number;
}

/** Above what a machine needs that does much else at the same time. */
const READY_WITHIN_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5000;
/** A program that ran this long has not failed at its start. */
const STEADY_MS = 10_000;

/** Keeps one program running: starts it again when it ends, sooner or later as it fails more rarely or more often. */
export class Keeper {
  readonly name: string;
  /** Resolves when the program first says that it is ready; rejects when it ends or stays silent instead. */
  readonly ready: Promise<void>;
  readonly #program: Program;
  readonly #log: Log;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  /** One that never was ready has wrong settings, or its port is taken: starting it again does not help. */
  #wasReady = false;
  #retired = false;

  constructor(program: Program, log: Log) {
    this.name = program.name;
    this.#program = program;
    this.#log = log;
    this.ready = this.#firstStart();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it no more when it ends. */
  retire(): void {
    this.#retired = true;
    clearTimeout(this.#restart);
  }

  /** Tells it to stop, and after `withinMs` makes it. */
  async stop(withinMs: number): Promise<void> {
    this.retire();
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), Math.max(0, withinMs));
    await this.#ended;
    clearTimeout(timer);
  }

  async #firstStart(): Promise<void> {
    const child = this.#start();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (what: string): void => reject(new Error(`${this.name} ${what}; what it said stands above`));
    const { readyWithinMs: patience = READY_WITHIN_MS } = this.#program;
    const timer = setTimeout(() => fail(`is not ready after ${patience / 1000} s`), patience);
    child.once('message', (message) => message === READY && resolve());
    child.once('exit', () => fail('did not start'));
    child.once('error', () => fail('could not be started'));
    try {
      await promise;
      this.#wasReady = true;
    } finally {
      clearTimeout(timer);
    }
  }

  #start(): ChildProcess {
    const { script, args, env } = this.#program;
    const startedAt = performance.now();
    // The channel tells a child that its supervisor is gone, however that ended.
    const child = fork(script, args, {
      env,
      // The limits on memory hold for each program of the shop.
      execArgv: process.execArgv,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = (how: string, byItself: boolean): void => {
        if (this.#child === child) this.#child = undefined;
        resolve();
        // Who was killed did nothing wrong; who ends by itself again and again is given time.
        const failed = byItself && performance.now() - startedAt < STEADY_MS;
        this.#failures = failed ? this.#failures + 1 : 0;
        if (this.#wasReady && !this.#retired) this.#startAgain(how);
      };
      child.once('exit', (code, signal) => end(signal ?? `code ${code}`, signal === null));
      child.once('error', (error) => child.pid === undefined && end(error.message, true));
    });
    return child;
  }

  #startAgain(how: string): void {
    const wait = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 6));
    this.#log.warn(
      { program: this.name, ended: how, restartInMs: wait },
      'a program ended; it is started again',
    );
    this.#restart = setTimeout(() => this.#start(), wait);
  }
}
