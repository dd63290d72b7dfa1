import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { parseIsoDuration } from '../duration.ts';
import { fieldErrors, messageOf } from '../errors.ts';

/** Manifests that this broker cannot honour; the message names file and field of each fault. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

const duration = z.string().transform((text, context) => {
  const ms = parseIsoDuration(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: `"${text}" is no ISO 8601 duration; write PT0.2S or PT5S` });
  return z.NEVER;
});

const name = z
  .string()
  .regex(/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/, 'must be lower-case letters, digits, - and .')
  .max(253);

const destination = z
  .strictObject({
    ref: z
      .strictObject({
        apiVersion: z.literal('v1'),
        kind: z.literal('Service'),
        name,
        namespace: z.string().optional(),
      })
      .optional(),
    uri: z.string().optional(),
  })
  .refine((value) => value.ref !== undefined || value.uri !== undefined, 'needs a ref or a uri')
  .refine(({ ref, uri }) => uri === undefined || isAddress(uri, ref ? 'http://service/' : undefined), {
    path: ['uri'],
    message: 'must be an http or https URL, or a path beside a ref',
  });

function isAddress(uri: string, base: string | undefined): boolean {
  return URL.canParse(uri, base) && /^https?:$/.test(new URL(uri, base).protocol);
}

const delivery = z.strictObject({
  retry: z.int().min(0).optional(),
  backoffPolicy: z.enum(['linear', 'exponential']).optional(),
  backoffDelay: duration.optional(),
  timeout: duration.refine((ms) => ms > 0, 'must be longer than nothing').optional(),
  deadLetterSink: destination.optional(),
});

const ORDER = 'kafka.eventing.knative.dev/delivery.order';

const metadata = z.strictObject({
  name,
  namespace: name.default('default'),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z
    .record(z.string(), z.string())
    .default({})
    .refine((annotations) => /^(?:un)?ordered$/i.test(annotations[ORDER] ?? 'unordered'), {
      path: [ORDER],
      message: 'must be ordered or unordered',
    }),
});

const apiVersion = z.literal('eventing.knative.dev/v1');
const broker = z.strictObject({
  apiVersion,
  kind: z.literal('Broker'),
  metadata,
  spec: z.strictObject({ delivery: delivery.optional() }).default({}),
});

/** Names that Knative derives from other attributes. */
const DERIVED = new Set(['datamediatype', 'datacontentencoding', 'schemaurl']);
const attributes = z.record(z.string(), z.string()).superRefine((wanted, context) => {
  for (const attribute of Object.keys(wanted)) {
    const message = complaintOf(attribute);
    if (message !== undefined) context.addIssue({ code: 'custom', path: [attribute], message });
  }
});

function complaintOf(attribute: string): string | undefined {
  if (!/^[a-z][a-z0-9]*$/.test(attribute)) return 'must be lower-case letters and digits';
  return DERIVED.has(attribute) ? 'is not honoured by this broker' : undefined;
}

const trigger = z.strictObject({
  apiVersion,
  kind: z.literal('Trigger'),
  metadata,
  spec: z.strictObject({
    broker: z.string().min(1),
    filter: z.strictObject({ attributes: attributes.optional() }).optional(),
    subscriber: destination,
    delivery: delivery.optional(),
  }),
});
const manifest = z.discriminatedUnion('kind', [broker, trigger]);

export type Destination = z.infer<typeof destination>;
export type DeliverySpec = z.infer<typeof delivery>;

/** A Broker as its manifest says. */
export interface BrokerManifest {
  readonly name: string;
  readonly namespace: string;
  readonly delivery: DeliverySpec | undefined;
}

/** A Trigger as its manifest says. */
export interface TriggerManifest {
  readonly name: string;
  readonly namespace: string;
  readonly broker: string;
  readonly attributes: Readonly<Record<string, string>> | undefined;
  readonly subscriber: Destination;
  readonly delivery: DeliverySpec | undefined;
  /** Whether events of one `partitionkey` are delivered one after the other, in order. */
  readonly ordered: boolean;
}

/** Everything a folder of manifests says. */
export interface Manifests {
  readonly brokers: readonly BrokerManifest[];
  readonly triggers: readonly TriggerManifest[];
}

/**
 * Reads the Brokers and Triggers of a folder, subfolders and links included. `kustomization.yaml` is passed over.
 * @throws ManifestError for a field that this broker does not honour, a Trigger whose Broker is missing, a name used
 * twice, or a folder without any Broker.
 */
export function readManifests(folder: string): Manifests {
  const faults: string[] = [];
  const documents = manifestFiles(folder).flatMap((file) => readFile(folder, file, faults));
  const brokers = documents.filter((document) => document.kind === 'Broker').map(toBroker);
  const triggers = documents.filter((document) => document.kind === 'Trigger').map(toTrigger);
  faults.push(...contradictions(brokers, triggers));
  if (faults.length === 0 && brokers.length === 0) faults.push(`${folder}: there is no Broker in it`);
  if (faults.length > 0) throw new ManifestError(faults.join('\n'));
  return { brokers, triggers };
}

type Manifest = z.infer<typeof manifest>;

function manifestFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.ya?ml$/.test(path) && !/(?:^|[/\\])kustomization\.ya?ml$/.test(path))
      .map((path) => join(folder, path))
      .filter((path) => statSync(path).isFile())
      .toSorted();
  } catch (error) {
    throw new ManifestError(`${folder}: ${messageOf(error)}`, { cause: error });
  }
}

function readFile(folder: string, path: string, faults: string[]): Manifest[] {
  const file = relative(folder, path);
  return parseAllDocuments(readFileSync(path, 'utf8')).flatMap((document): Manifest[] => {
    const content = contentOf(document);
    if ('fault' in content) faults.push(`${file}: ${content.fault}`);
    if (!('value' in content) || content.value === null) return [];
    const result = manifest.safeParse(content.value);
    if (result.success) return [result.data];
    const object = nameOf(content.value);
    for (const { field, message } of fieldErrors(result.error.issues, 'kind')) {
      faults.push(`${file}${object ? ` (${object})` : ''}: ${field}: ${message}`);
    }
    return [];
  });
}

function contentOf(
  document: ReturnType<typeof parseAllDocuments>[number],
): { value: unknown } | { fault: string } {
  const [syntax] = document.errors;
  if (syntax) return { fault: syntax.message };
  try {
    return { value: document.toJS() };
  } catch (error) {
    return { fault: messageOf(error) };
  }
}

function nameOf(content: unknown): string | undefined {
  const result = z.object({ metadata: z.object({ name: z.string() }) }).safeParse(content);
  return result.data?.metadata.name;
}

function toBroker(document: z.infer<typeof broker>): BrokerManifest {
  const { name, namespace } = document.metadata;
  return { name, namespace, delivery: document.spec.delivery };
}

function toTrigger({ metadata, spec }: z.infer<typeof trigger>): TriggerManifest {
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    broker: spec.broker,
    attributes: spec.filter?.attributes,
    subscriber: spec.subscriber,
    delivery: spec.delivery,
    ordered: metadata.annotations[ORDER]?.toLowerCase() === 'ordered',
  };
}

function contradictions(brokers: readonly BrokerManifest[], triggers: readonly TriggerManifest[]): string[] {
  const names = new Set(brokers.map(keyOf));
  const orphans = triggers
    .filter((each) => !names.has(`${each.namespace}/${each.broker}`))
    .map(
      (each) =>
        `${keyOf(each)}: spec.broker: there is no Broker "${each.broker}" in namespace "${each.namespace}"`,
    );
  return [...orphans, ...twice('Broker', brokers), ...twice('Trigger', triggers)];
}

function twice(kind: string, objects: readonly { name: string; namespace: string }[]): string[] {
  const seen = new Set<string>();
  return objects.flatMap((object) => {
    const key = keyOf(object);
    if (seen.has(key)) return [`${key}: there are two ${kind}s of this name`];
    seen.add(key);
    return [];
  });
}

/** `<namespace>/<name>`. */
export function keyOf(object: { readonly name: string; readonly namespace: string }): string {
  return `${object.namespace}/${object.name}`;
}
