import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, parse, parseDocument, type Pair, type YAMLMap } from 'yaml';
import type { EventContract } from '../../platform/contract.ts';
import { code, table } from './markdown.ts';

/** What the chart makes EventTypes of. A type in several forms, told apart by another attribute, is one EventType. */
export function eventTypes(vocabulary: readonly EventContract[]): string {
  const types = new Map(vocabulary.map((contract) => [contract.type, contract]));
  const items = [...types.values()].map(({ type, source, summary }) => {
    const forms = vocabulary.filter((contract) => contract.type === type);
    const description = forms.length === 1 ? summary : forms.map((each) => each.summary).join(' Or: ');
    const name = type.replace(/^shop\.tradewind\./, '').replaceAll('.', '-');
    return [
      `- name: ${name}`,
      `  type: ${type}`,
      `  source: ${source}`,
      `  description: ${JSON.stringify(description)}`,
    ].join('\n');
  });
  return `# Made from events/ by npm run docs; do not edit.\n${items.join('\n')}\n`;
}

interface Row {
  readonly key: string;
  readonly value: unknown;
  readonly meaning: string;
}

/** The chart's README: how to use it, and every value, from the comments in `values.yaml`. */
export function chartPage(folder: string): string {
  const chart = parse(readFileSync(join(folder, 'Chart.yaml'), 'utf8')) as { kubeVersion: string };
  const values = parseDocument(readFileSync(join(folder, 'values.yaml'), 'utf8')).contents as YAMLMap;
  const commented = values.items.map((pair, index) => ({ pair, comment: commentOf(values, pair, index) }));
  const general = commented.filter(({ comment }) => comment.startsWith(MARK));
  const sections = commented.filter((each) => !general.includes(each) && isMap(each.pair.value));
  return `${[
    intro(chart.kubeVersion),
    tableOf(general.flatMap(({ pair, comment }) => rowsOf(pair, comment))),
    ...sections.map(({ pair, comment }) => sectionOf(pair, comment)),
  ].join('\n\n')}\n`;
}

function sectionOf(pair: Pair, comment: string): string {
  return [`### ${nameOf(pair)}`, ...(comment ? [comment] : []), tableOf(rowsOf(pair, comment))].join('\n\n');
}

const MARK = '-- ';

/** The values below a map that have a comment beginning with `--`. */
function rowsIn(map: YAMLMap, path: string): Row[] {
  return map.items.flatMap((pair, index) => rowsOf(pair, commentOf(map, pair, index), path));
}

function rowsOf(pair: Pair, comment: string, path = ''): Row[] {
  const key = path ? `${path}.${nameOf(pair)}` : nameOf(pair);
  if (comment.startsWith(MARK)) {
    const value = pair.value && typeof pair.value === 'object' && 'toJSON' in pair.value ? pair.value : null;
    return [{ key, value: (value as YAMLMap | null)?.toJSON() ?? '', meaning: comment.slice(MARK.length) }];
  }
  return isMap(pair.value) ? rowsIn(pair.value, key) : [];
}

/** The first key's comment belongs, to the parser, to the map. */
function commentOf(map: YAMLMap, { key }: Pair, index: number): string {
  const own = isScalar(key) ? key.commentBefore : undefined;
  const text = own ?? (index === 0 ? map.commentBefore : undefined) ?? '';
  return text
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim();
}

function nameOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : '';
}

function tableOf(rows: readonly Row[]): string {
  return table(
    ['value', 'default', 'what it is'],
    rows.map(({ key, value, meaning }) => [code(key), code(JSON.stringify(value)), meaning]),
  );
}

function intro(kubernetes: string): string {
  return `# Chart of Tradewind

An event-driven online shop on Kubernetes (${kubernetes.replace('-0', '')}) with Knative Eventing 1.22 or newer. This page is generated from
\`values.yaml\` by \`npm run docs\`; do not edit it.

\`\`\`sh
helm install shop charts/tradewind --wait
helm test shop --logs
\`\`\`

The defaults work on a stock Knative: the Broker keeps events in memory, each service its data in SQLite on a volume. Where
Knative is missing the chart says so, with the command that installs it. For production choose \`broker.class\` Kafka or
RabbitMQBroker and \`storage.kind\` postgres; [ci/](ci/) has values for these and other variants.

- **Names.** Everything is called \`<release>-<part>\`: two releases share a namespace. The [wiring](../../k8s) calls Services,
  Triggers and the Broker by their plain names, which is what \`kubectl apply -k k8s/\` makes; the chart puts the release's name
  before each of them, in Triggers and in the dead letter sink, too. \`eventing/\` is a link to that folder: there is no other copy.
- **A further service** is a file of Triggers in \`k8s/triggers/\` and a block below \`services\`, which may be empty.
- **Secrets.** A Job makes the staff token and the session key once and never reads them; or name a Secret of your own.
- **Upgrades.** \`helm upgrade shop charts/tradewind --reset-values -f values.yaml\`. After \`kubectl scale\` or \`set env\` add
  \`--force-conflicts\`. Broker class and \`broker.config\` are immutable: delete the Broker to change them; on RabbitMQ that holds for
  the delivery, too.
- **A rollout loses no event.** A service that ends is not ready first, goes on for \`shutdown.delay\`, then finishes what is at
  work; what a subscriber missed meanwhile the Broker tries again, and the ledger after that. On SQLite there is a gap of some
  seconds, which the Broker's retries cover.
- **Several replicas** need PostgreSQL. Knative keeps its connections, and Kubernetes balances by connection, so services close
  theirs after \`MAX_REQUESTS_PER_SOCKET\` requests.
- **The network** is closed but for what [operations](../../docs/operations.md#the-network) lists. A service takes events at port
  80 of its Service, which only the broker's data plane and the ledger reach, and everything else at 8080.
- **OIDC** (\`security.eventing: oidc\`): each service speaks to the Broker with the identity of its SinkBinding, and for itself
  only, the ledger for all, whose events it brings again; services get tokens of the audience \`urn:tradewind:<namespace>:<name>\`. Turning it off again on the in-memory class, delete
  the EventPolicies that Knative leaves behind (\`kubectl delete eventpolicy --all\`), or the channel refuses everything later.
- **Argo CD** renders the same every time, takes the hooks as its own, and needs no waves: SinkBindings and Triggers wait for
  the Broker by themselves.
- **What stays** after \`helm uninstall\`: the volumes (\`storage.sqlite.keep\`) and the Secret with the tokens.

## Values`;
}
