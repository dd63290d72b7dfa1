import { createConfiguration, HttpMethod, ServerConfiguration } from '@kubernetes/client-node';
import { messageOf } from '../../platform/errors.ts';
import { answerOf, type ApiServer } from '../../services/cluster/api-server.ts';
import { loadKubeconfig } from './kubeconfig.ts';

/** A cluster that a kubeconfig names. */
export interface NamedCluster {
  readonly ask: ApiServer;
  readonly context: string;
  /** Whether that is a name which kubectl and Helm know: within a cluster there is none. */
  readonly isNamed: boolean;
  /** Namespace of the context. */
  readonly own: string;
}

/** What the client falls back to where there is no kubeconfig. */
const NOWHERE = 'http://localhost:8080';
/** What it calls the context of a Pod, which has no kubeconfig. */
const WITHIN = 'inClusterContext';
/** An address that nobody has answers nothing at all, and TCP would wait for minutes. */
const LONGEST_ANSWER_MS = 30_000;

/**
 * The cluster of a context, asked as kubectl would.
 * @param name of the context; by default the current one
 * @throws Error where there is no kubeconfig, or no such context in it
 */
export function clusterOf(name?: string): NamedCluster {
  const kubeconfig = loadKubeconfig();
  const known = kubeconfig.getContexts().map((each) => each.name);
  if (name !== undefined) {
    if (!known.includes(name))
      throw new Error(`the kubeconfig has no context "${name}"; it has ${known.join(', ') || 'none'}`);
    kubeconfig.setCurrentContext(name);
  }
  const cluster = kubeconfig.getCurrentCluster();
  if (!cluster) throw new Error('the kubeconfig has no current context');
  if (cluster.server === NOWHERE)
    throw new Error('there is no kubeconfig: set KUBECONFIG, or make ~/.kube/config');
  const { baseServer, httpApi } = createConfiguration({
    baseServer: new ServerConfiguration(cluster.server, {}),
  });
  const context = kubeconfig.getCurrentContext();
  return {
    context,
    isNamed: context !== WITHIN,
    own: kubeconfig.getContextObject(context)?.namespace ?? 'default',
    async ask(path, body) {
      const request = baseServer.makeRequestContext(path, body ? HttpMethod.POST : HttpMethod.GET);
      request.setHeaderParam('accept', 'application/json');
      if (body) {
        request.setHeaderParam('content-type', 'application/json');
        request.setBody(JSON.stringify(body));
      }
      await kubeconfig.applySecurityAuthentication(request);
      request.setSignal(AbortSignal.timeout(LONGEST_ANSWER_MS));
      const response = await httpApi.send(request).toPromise();
      return answerOf(response.httpStatusCode, await response.body.text());
    },
  };
}

/** Why a cluster did not answer, and the command that shows more. */
export function cannotBeAsked(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return `The cluster cannot be asked: ${messageOf(cause ?? error)}.\n  kubectl cluster-info\n`;
}
