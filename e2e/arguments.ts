import { existsSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { Command, Option } from '@commander-js/extra-typings';
import { parseDuration } from '../platform/duration.ts';
import { cases } from './cases.ts';
import { imageOf, type Wishes } from './cluster/values.ts';

/** What a run was asked for. */
export interface Arguments extends Wishes {
  readonly context: string | undefined;
  readonly namespace: string;
  readonly keep: boolean;
  readonly only: readonly string[];
  readonly junit: string | undefined;
  readonly report: string;
  readonly patienceMs: number;
  /** File with connection strings; without it a PostgreSQL is started. */
  readonly databases: string | undefined;
  readonly postgresImage: string;
}

const IMAGE_NEEDED = `--image is needed: an image of the shop that the cluster can run.
  docker build --tag registry.example.com/tradewind:0.1.0 . && docker push registry.example.com/tradewind:0.1.0
  npm run e2e -- --image registry.example.com/tradewind:0.1.0
Where it is on the nodes and in no registry, add --pull-policy Never.`;

/**
 * Reads the command line; `--help` is answered and ends the process, as does an option that there is not.
 * @throws Error saying what is wrong with it
 */
export function readArguments(args: readonly string[]): Arguments {
  const given = command().parse(args, { from: 'user' }).opts();
  if (given.image === undefined) throw new Error(IMAGE_NEEDED);
  const patienceMs = parseDuration(given.timeout);
  if (patienceMs === undefined)
    throw new Error(`--timeout must be a duration such as 90s or 5m, not "${given.timeout}"`);
  if (given.databases !== undefined && given.storage !== 'postgres')
    throw new Error('--databases goes with --storage postgres');
  const files = [...given.values, ...(given.databases === undefined ? [] : [given.databases])];
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw new Error(`there is no file ${missing}`);
  const { image, context, namespace, keep, only, junit, report, databases, postgresImage } = given;
  return {
    image: imageOf(image),
    pullPolicy: given.pullPolicy,
    brokerClass: given.brokerClass,
    storage: given.storage,
    files: given.values,
    sets: given.set,
    context,
    namespace: namespace ?? `tradewind-e2e-${randomBytes(3).toString('hex')}`,
    keep,
    only,
    junit,
    report,
    patienceMs,
    databases,
    postgresImage,
  };
}

function command() {
  return new Command('npm run e2e --')
    .description(
      'Installs the shop in a namespace of its own on the cluster of your kubeconfig, puts it to the test, and removes it.',
    )
    .option('--image <name>', 'image of the shop, with its tag or digest')
    .addOption(
      new Option('--pull-policy <policy>', 'when the nodes pull it')
        .choices(['IfNotPresent', 'Always', 'Never'] as const)
        .default('IfNotPresent' as const),
    )
    .option('--context <name>', 'context of the kubeconfig (default: the current one)')
    .option('--namespace <name>', 'namespace to make (default: tradewind-e2e-…)')
    .option('--keep', 'leave the shop and its namespace', false)
    .option('--values <file>', 'file of values for the chart; may be repeated', repeated, [])
    .option('--set <value>', 'single value for the chart, as for Helm; may be repeated', repeated, [])
    .addOption(
      new Option('--broker-class <class>', 'class of the Broker')
        .choices(['MTChannelBasedBroker', 'Kafka', 'RabbitMQBroker'] as const)
        .default('MTChannelBasedBroker' as const),
    )
    .addOption(
      new Option('--storage <kind>', 'where the services keep their data')
        .choices(['sqlite', 'postgres'] as const)
        .default('sqlite' as const),
    )
    .option(
      '--databases <file>',
      'lines like payment=postgres://…, one per service (default: a PostgreSQL in the namespace)',
    )
    .option('--postgres-image <name>', 'official image of PostgreSQL for that one', 'postgres:18-alpine')
    .addOption(
      new Option('--only <case>', 'only this case; may be repeated')
        .argParser((name: string, before: string[]) => repeated(known(name), before))
        .default([]),
    )
    .option('--junit <file>', 'write the results as JUnit XML')
    .option('--report <folder>', 'where to write down what a failure looks like', 'e2e-report')
    .option('--timeout <duration>', 'longest wait for one thing', '3m')
    .addHelpText('after', `\nCases, in their order:\n${listed()}`)
    .exitOverride();
}

function repeated(value: string, before: string[]): string[] {
  return [...before, value];
}

function known(name: string): string {
  if (cases.some((each) => each.name === name)) return name;
  throw new Error(`there is no case "${name}": choose of ${cases.map((each) => each.name).join(', ')}`);
}

function listed(): string {
  const width = Math.max(...cases.map(({ name }) => name.length));
  return cases.map(({ name, what }) => `  ${name.padEnd(width)}  ${what}`).join('\n');
}
