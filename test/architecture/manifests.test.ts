import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { vocabulary } from '../../events/index.ts';
import { parseIsoDuration } from '../../platform/duration.ts';
import { serviceSettings } from '../../platform/settings.ts';
import { services } from '../../services/index.ts';
import { root } from '../support/root.ts';
import { crdValidators } from './crds.ts';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly filter?: { readonly attributes: Record<string, string> };
    readonly delivery?: Record<string, unknown>;
  };
}

const folder = join(root, 'k8s');
const files = globSync('**/*.yaml', { cwd: folder, exclude: ['kustomization.yaml'] }).toSorted();
const documents = new Map(
  files.map((file) => [
    file,
    parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((each) => each.toJS() as Manifest),
  ]),
);
const triggerFiles = [...documents].filter(([file]) => file.startsWith('triggers/'));
const triggers = triggerFiles.flatMap(([file, manifests]) =>
  manifests.map((manifest) => ({ service: basename(file, '.yaml'), manifest })),
);

/** What a service may ask for, by what its Trigger is called after it. */
function wantsOf(service: string): [string, object][] {
  const { taps = [] } = services.find(({ name }) => name === service) ?? {};
  return [
    ...vocabulary.map(({ name, type, attributes }): [string, object] => [
      name.replaceAll(/[./]/g, '-'),
      { type, ...attributes },
    ]),
    ...taps.map(({ attributes }): [string, object] => [Object.values(attributes).join('-'), attributes]),
  ];
}

describe('the manifests', () => {
  it('are one file of Triggers per service, and the Broker', () => {
    const names = services.map((card) => `triggers/${card.name}.yaml`).toSorted();
    expect(files).toEqual(['broker.yaml', ...names]);
  });

  it('are all in the kustomization', () => {
    const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as {
      resources: string[];
    };
    expect(resources).toEqual(files);
  });

  it.each(triggers.map((each) => [each.manifest.metadata.name, each] as const))(
    '%s asks for one event or what a card taps, by attributes only, for the service of its file',
    (_name, { service, manifest }) => {
      const attributes = manifest.spec.filter?.attributes ?? {};
      const [asked = '(no such event)'] =
        wantsOf(service).find(([, wanted]) => JSON.stringify(wanted) === JSON.stringify(attributes)) ?? [];
      expect(manifest).toEqual({
        apiVersion: 'eventing.knative.dev/v1',
        kind: 'Trigger',
        metadata: { name: `${service}-${asked}` },
        spec: {
          broker: 'shop',
          filter: { attributes },
          subscriber: { ref: { apiVersion: 'v1', kind: 'Service', name: service }, uri: '/events' },
        },
      });
    },
  );

  it('retry for about 15 s, and end a post before the relay gives it up', () => {
    const delivery = documents.get('broker.yaml')?.[0]?.spec.delivery ?? {};
    const { retry, backoffPolicy, backoffDelay, timeout, deadLetterSink } = delivery;
    expect({ backoffPolicy, deadLetterSink }).toEqual({
      backoffPolicy: 'exponential',
      deadLetterSink: { ref: { apiVersion: 'v1', kind: 'Service', name: 'ledger' }, uri: '/dead-letters' },
    });
    const first = parseIsoDuration(String(backoffDelay)) ?? 0;
    const waits = first * (2 ** Number(retry) - 1);
    expect(waits).toBeGreaterThan(10_000);
    expect(waits).toBeLessThan(20_000);
    const attempts = (Number(retry) + 1) * (parseIsoDuration(String(timeout)) ?? Number.POSITIVE_INFINITY);
    expect(2 * (waits + attempts)).toBeLessThan(serviceSettings.RELAY_TIMEOUT.parse(undefined));
  });
});

const crds = join(root, '../shared/knative-crds');
const known = existsSync(crds);
if (!known)
  process.stderr.write('SKIPPED: no Knative CRDs at ../shared/knative-crds to hold the manifests against\n');

(known ? describe : describe.skip)('the CRDs of Knative', () => {
  const validators = known ? crdValidators(crds) : new Map();

  it.each(
    [...documents].flatMap(([, manifests]) => manifests.map((each) => [each.metadata.name, each] as const)),
  )('accept %s', (_name, manifest) => {
    const validate = validators.get(`${manifest.apiVersion}/${manifest.kind}`);
    expect([validate?.(manifest), validate?.errors]).toEqual([true, null]);
  });

  it('refuse a field that they do not know, and a value of another type', () => {
    const [broker] = documents.get('broker.yaml') ?? [];
    const validate = validators.get('eventing.knative.dev/v1/Broker');
    expect(validate?.({ ...broker, spec: { deliver: {} } })).toBe(false);
    expect(validate?.({ ...broker, spec: { delivery: { retry: 'six' } } })).toBe(false);
  });
});
