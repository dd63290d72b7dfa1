import { Command } from '@commander-js/extra-typings';
import { createConfiguration, HttpMethod, KubeConfig, ServerConfiguration } from '@kubernetes/client-node';
import { messageOf } from '../platform/errors.ts';
import type { ApiServer } from '../services/cluster/api-server.ts';
import { draw, examine } from '../services/cluster/doctor/doctor.ts';

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
  const { cause } = error as { cause?: unknown };
  process.stderr.write(
    `The cluster cannot be asked: ${messageOf(cause ?? error)}.\n  kubectl cluster-info\n`,
  );
  process.exitCode = 1;
}

/** The cluster of the current context, asked as kubectl would. */
function clusterOf(): { ask: ApiServer; context: string; own: string } {
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromDefault();
  const cluster = kubeconfig.getCurrentCluster();
  if (!cluster) throw new Error('the kubeconfig has no current context');
  const { baseServer, httpApi } = createConfiguration({
    baseServer: new ServerConfiguration(cluster.server, {}),
  });
  const context = kubeconfig.getCurrentContext();
  return {
    context,
    own: kubeconfig.getContextObject(context)?.namespace ?? 'default',
    async ask(path, body) {
      const request = baseServer.makeRequestContext(path, body ? HttpMethod.POST : HttpMethod.GET);
      request.setHeaderParam('accept', 'application/json');
      if (body) {
        request.setHeaderParam('content-type', 'application/json');
        request.setBody(JSON.stringify(body));
      }
      await kubeconfig.applySecurityAuthentication(request);
      const response = await httpApi.send(request).toPromise();
      return { status: response.httpStatusCode, body: JSON.parse(await response.body.text()) as unknown };
    },
  };
}
