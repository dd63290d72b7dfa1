import { join } from 'node:path';
import { brokerSettings } from '../../platform/broker/settings.ts';
import { serviceSettings } from '../../platform/settings.ts';
import { services } from '../../services/index.ts';
import { vocabulary } from '../../events/index.ts';
import { asyncApi } from './asyncapi.ts';
import { configurationPage } from './configuration-page.ts';
import { eventsPage } from './events-page.ts';
import { chartPage, eventTypes, knownSettings } from './chart.ts';
import { describeEvents } from './describe.ts';
import { schemaDocument, schemaFile } from './json-schema.ts';
import { kustomization } from './kustomization.ts';
import { readmeWithPrograms } from './programs.ts';

export const SCHEMA_FOLDER = 'docs/events';

const CHART = 'charts/tradewind';

/**
 * Every document that follows from the vocabulary, the cards, the Triggers and the chart: path in the repository → text.
 * @param root folder of the repository, whose Triggers, README and chart are read
 */
export function documents(root: string): Map<string, string> {
  const manifests = join(root, 'k8s');
  const events = describeEvents(vocabulary, manifests);
  return new Map([
    ['README.md', readmeWithPrograms(root)],
    ['k8s/kustomization.yaml', kustomization(manifests)],
    ['docs/events.md', eventsPage(events)],
    ['docs/asyncapi.yaml', asyncApi(events)],
    ['docs/configuration.md', configurationPage(serviceSettings, services, brokerSettings)],
    [`${CHART}/files/event-types.yaml`, eventTypes(vocabulary)],
    [`${CHART}/files/settings.yaml`, knownSettings(serviceSettings, services)],
    [`${CHART}/README.md`, chartPage(join(root, CHART))],
    ...events.map(({ contract }): [string, string] => [
      `${SCHEMA_FOLDER}/${schemaFile(contract)}`,
      schemaDocument(contract),
    ]),
  ]);
}
