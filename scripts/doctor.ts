import { Command, CommanderError, Option } from '@commander-js/extra-typings';
import { draw, examine, examineBefore, type Report } from '../services/cluster/doctor/doctor.ts';
import { CLASS_NAMES } from '../services/cluster/doctor/knative.ts';
import { cannotBeAsked, clusterOf } from './tools/cluster.ts';

const MISUSED = 2;

const command = new Command('npm run doctor --')
  .description(
    'Says what is wrong with the cluster of your kubeconfig and with the shop in it, and what to do.',
  )
  .option('-n, --namespace <namespace>', 'namespace of the shop (default: that of the kubeconfig)')
  .option('--release <release>', 'Helm release of the shop', 'shop')
  .option('--context <name>', 'context of the kubeconfig (default: the current one)')
  .option('--before', 'look only at what an installation will need of the cluster, and at what you may do')
  .addOption(
    new Option('--broker-class <class>', 'with --before: what broker.class will be')
      .choices(CLASS_NAMES)
      .default('MTChannelBasedBroker'),
  )
  .option('--oidc', 'with --before: security.eventing will be oidc')
  .option('--json', 'print all that was found as JSON')
  .addHelpText('after', '\nEnds with 0 where nothing is wrong, 1 where something is, 2 where it was misused.')
  .exitOverride();

const options = understood();
if (options) await main(options);

/** @returns `undefined` where the command line was answered already */
function understood() {
  try {
    const given = command.parse().opts();
    const [misplaced] = (['brokerClass', 'oidc'] as const).filter(
      (name) => command.getOptionValueSource(name) === 'cli',
    );
    if (misplaced && !given.before)
      command.error(
        `error: --${misplaced === 'oidc' ? 'oidc' : 'broker-class'} goes with --before: what is installed says it itself`,
      );
    return given;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : MISUSED;
    return undefined;
  }
}

async function main({ json, ...wanted }: NonNullable<typeof options>): Promise<void> {
  try {
    const cluster = clusterOf(wanted.context);
    const subject = { namespace: wanted.namespace ?? cluster.own, release: wanted.release };
    const report: Report = wanted.before
      ? await examineBefore(cluster.ask, {
          oidc: wanted.oidc === true,
          brokerClass: wanted.brokerClass,
          namespace: subject.namespace,
        })
      : await examine(cluster.ask, subject);
    process.stdout.write(
      json
        ? `${JSON.stringify({ context: cluster.context, ...report }, undefined, 2)}\n`
        : `context ${cluster.context}\n${draw(report)}`,
    );
    if (report.problems.length > 0) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(cannotBeAsked(error));
    process.exitCode = 1;
  }
}
