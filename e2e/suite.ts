import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { ApiServer } from '../services/cluster/api-server.ts';
import type { Arguments } from './arguments.ts';
import { cases } from './cases.ts';
import { Installation } from './cluster/installation.ts';
import { KubernetesStage } from './cluster/kubernetes-stage.ts';
import { makeNamespace, refuseExisting, removeNamespace } from './cluster/namespace.ts';
import { giveDatabases, startPostgres } from './cluster/postgres.ts';
import { collect } from './cluster/report.ts';
import type { Tools } from './cluster/tools.ts';
import { fillShelves } from './orders.ts';
import { runCases, runStep, type Result, type RunOptions } from './runner.ts';
import type { Case } from './stage.ts';

export interface SuiteOptions {
  readonly args: Arguments;
  readonly ask: ApiServer;
  readonly tools: Tools;
  readonly print: (line: string) => void;
}

/** One run on a cluster: from a namespace that is made to one that is gone. */
export class Suite {
  readonly #options: SuiteOptions;
  readonly #installation: Installation;
  #stage: KubernetesStage | undefined;
  readonly #run = randomUUID();
  #made = false;
  #isCreated = false;
  #reported = false;
  #closing = false;

  constructor(options: SuiteOptions) {
    this.#options = options;
    this.#installation = new Installation(options.tools, options.args, options.args.patienceMs);
  }

  /** Installs the shop and runs the cases. @throws Error when the namespace cannot be had */
  async run(): Promise<readonly Result[]> {
    const { args, ask, tools, print } = this.#options;
    await refuseExisting(ask, tools);
    // From here on it may be there, however this ends; the label says whether it is this run's.
    this.#made = true;
    await makeNamespace(tools, this.#run);
    this.#isCreated = true;
    print(`namespace ${args.namespace}`);
    const options: RunOptions = {
      // What is interrupted still fails, one thing after the other; nobody wants to hear of it.
      print: (line) => void (this.#closing || print(line)),
      onFailure: (name) => this.#report(name),
    };
    const installed = await runStep(
      {
        name: 'install',
        what: 'the chart installs where every Pod has to be restricted, and all gets ready',
        run: (say) => this.#install(say),
      },
      options,
    );
    const wanted = cases.filter(({ name }) => args.only.length === 0 || args.only.includes(name));
    if (!this.#stage) return [installed, ...wanted.map(notInstalled)];
    const ready = args.keep ? wanted.map(kept) : wanted;
    return [installed, ...(await runCases(ready, this.#stage, options))];
  }

  /** Where what a failure looks like was written down, if one was. */
  get report(): string | undefined {
    return this.#reported ? this.#options.args.report : undefined;
  }

  /** Removes everything, or says how to. @throws Error when the namespace does not go */
  async close(): Promise<void> {
    const { args, ask, tools, print } = this.#options;
    this.#closing = true;
    await this.#stage?.[Symbol.asyncDispose]();
    this.#installation[Symbol.dispose]();
    if (!this.#made) return;
    if (args.keep) {
      print(`kept; remove it with\n  ${tools.removal}`);
      return;
    }
    print(`removing namespace ${args.namespace}`);
    await removeNamespace(ask, tools, { run: this.#run, isCreated: this.#isCreated }, args.patienceMs);
  }

  async #install(say: (line: string) => void): Promise<void> {
    const { args, ask, tools } = this.#options;
    const { brokerClass, storage, patienceMs } = args;
    if (args.databases !== undefined) await giveDatabases(tools, args.databases);
    else if (storage === 'postgres') {
      await startPostgres(tools, args.postgresImage, patienceMs);
      say('PostgreSQL is ready');
    }
    await this.#installation.install();
    say('installed');
    const installation = this.#installation;
    const stage = await KubernetesStage.open({ ask, tools, installation, brokerClass, storage, patienceMs });
    this.#stage = stage;
    for (const name of stage.shop.services) await stage.shop.call(name, 'GET', '/readyz');
    await fillShelves(stage, args.namespace);
    say('every service answers, and the shelves are full');
  }

  async #report(name: string): Promise<void> {
    if (this.#closing) return;
    const { args, ask, tools, print } = this.#options;
    const folder = join(args.report, name);
    const stage = this.#stage;
    await collect(folder, ask, tools, stage && (() => stage.letters()));
    this.#reported = true;
    print(`    see ${folder}`);
  }
}

function notInstalled({ name, what }: Case): Result {
  return { name, what, outcome: 'skipped', durationMs: 0, reason: 'the shop is not installed', said: [] };
}

function kept(each: Case): Case {
  return each.name === 'uninstall' ? { ...each, skip: () => '--keep leaves the shop' } : each;
}
