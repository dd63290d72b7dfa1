import { readFileSync, writeFileSync } from 'node:fs';
import { CommanderError } from '@commander-js/extra-typings';
import { parse } from 'yaml';
import { messageOf } from '../platform/errors.ts';
import { cannotBeAsked, clusterOf, type NamedCluster } from '../scripts/tools/cluster.ts';
import { toolPath } from '../scripts/tools/kubernetes.ts';
import { draw, examineBefore } from '../services/cluster/doctor/doctor.ts';
import { readArguments, type Arguments } from './arguments.ts';
import { insistently } from '../services/cluster/insistently.ts';
import { Tools } from './cluster/tools.ts';
import { junit } from './junit.ts';
import { summaryOf, type Result } from './runner.ts';
import { Suite } from './suite.ts';

const FAILED = 1;
const MISUSED = 2;
const INTERRUPTED = 130;
/** One Ctrl-C may arrive twice, from the terminal and from npm. */
const SAME_SIGNAL_MS = 1000;

const args = understood();
if (args) await main(args);

/** @returns `undefined` where the command line was answered already */
function understood(): Arguments | undefined {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : MISUSED;
    else {
      tell(messageOf(error));
      process.exitCode = MISUSED;
    }
    return undefined;
  }
}

async function main(wanted: Arguments): Promise<void> {
  const cluster = await prepared(wanted);
  if (!cluster) {
    process.exitCode = FAILED;
    return;
  }
  const { ask, context, isNamed } = cluster;
  const tools = new Tools({ context: isNamed ? context : undefined, namespace: wanted.namespace });
  const suite = new Suite({ args: wanted, ask, tools, print });
  const signal = interrupted(wanted.namespace);
  const results = await Promise.race([suite.run(), signal]).catch((error: unknown) => {
    tell(messageOf(error));
    return undefined;
  });
  if (results === 'interrupted') tools.stop();
  const gone = await suite.close().then(
    () => true,
    (error: unknown) => tell(messageOf(error)),
  );
  if (results === 'interrupted') {
    // What was interrupted may wait for minutes for what is not there any more.
    process.exit(INTERRUPTED);
  }
  if (results) told(results, wanted, suite.report);
  process.exitCode = gone === true && results?.every(({ outcome }) => outcome !== 'failed') ? 0 : FAILED;
}

/** The cluster, where it has what the shop needs; else what is wrong has been told. */
async function prepared(wanted: Arguments): Promise<NamedCluster | undefined> {
  const cluster = await examined(wanted);
  if (!cluster) return undefined;
  try {
    await Promise.all([toolPath('helm'), toolPath('kubectl')]);
    return cluster;
  } catch (error) {
    tell(messageOf(error));
    return undefined;
  }
}

async function examined(wanted: Arguments): Promise<NamedCluster | undefined> {
  try {
    const cluster = clusterOf(wanted.context);
    const plan = { oidc: asksForTokens(wanted), brokerClass: wanted.brokerClass };
    const report = await examineBefore(cluster.ask, plan);
    print(`context ${cluster.context}\n${draw(report)}`);
    return report.problems.length === 0 ? { ...cluster, ask: insistently(cluster.ask) } : undefined;
  } catch (error) {
    process.stderr.write(cannotBeAsked(error));
    return undefined;
  }
}

function asksForTokens({ files, sets }: Arguments): boolean {
  const last = sets
    .flatMap((each) => each.split(','))
    .findLast((each) => each.startsWith('security.eventing='));
  if (last !== undefined) return last.endsWith('=oidc');
  const chosen = files.flatMap((file) => {
    const values = parse(readFileSync(file, 'utf8')) as { security?: { eventing?: string } } | null;
    return values?.security?.eventing ?? [];
  });
  return chosen.at(-1) === 'oidc';
}

/** Resolves at the first signal; the second one ends the process at once. */
function interrupted(namespace: string): Promise<'interrupted'> {
  return new Promise((resolve) => {
    let at: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        const now = performance.now();
        if (at !== undefined && now - at > SAME_SIGNAL_MS) {
          tell(`namespace ${namespace} may be left over`);
          process.exit(INTERRUPTED);
        }
        if (at === undefined) print('\ninterrupted; once more leaves everything as it is');
        at ??= now;
        resolve('interrupted');
      });
    }
  });
}

function told(results: readonly Result[], { junit: file }: Arguments, report: string | undefined): void {
  if (file !== undefined) writeFileSync(file, junit('tradewind-e2e', results));
  for (const { name, outcome } of results) if (outcome === 'failed') print(`failed: ${name}`);
  if (report !== undefined) print(`what the failures looked like: ${report}`);
  print(summaryOf(results));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
