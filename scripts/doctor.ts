import { Command } from '@commander-js/extra-typings';
import { draw, examine } from '../services/cluster/doctor/doctor.ts';
import { cannotBeAsked, clusterOf } from './tools/cluster.ts';

const { namespace, release, json } = new Command('npm run doctor --')
  .description(
    'Says what is wrong with the cluster of your kubeconfig and with the shop in it, and what to do.',
  )
  .option('-n, --namespace <namespace>', 'namespace of the shop (default: that of the kubeconfig)')
  .option('--release <release>', 'Helm release of the shop', 'shop')
  .option('--json', 'print all that was found as JSON')
  .parse()
  .opts();

try {
  const { ask, context, own } = clusterOf();
  const report = await examine(ask, { namespace: namespace ?? own, release });
  process.stdout.write(
    json
      ? `${JSON.stringify({ context, ...report }, undefined, 2)}\n`
      : `context ${context}\n${draw(report)}`,
  );
  if (report.problems.length > 0) process.exitCode = 1;
} catch (error) {
  process.stderr.write(cannotBeAsked(error));
  process.exitCode = 1;
}
