/** Values of the chart that lead to an image. */
export interface ImageValues {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const TAG = /^[\w][\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Takes the name of an image apart: `registry.example.com:5000/shop/tradewind:0.1.0@sha256:…`.
 * @throws Error saying what is wrong with it
 */
export function imageOf(name: string): ImageValues {
  const [path = '', digest = '', ...more] = name.split('@');
  // A colon before the last slash belongs to a port.
  const colon = path.indexOf(':', path.lastIndexOf('/') + 1);
  const [repository, tag] = colon < 0 ? [path, ''] : [path.slice(0, colon), path.slice(colon + 1)];
  const fits =
    /^[a-z0-9][\w.:/-]*$/i.test(repository) &&
    (tag !== '' || digest !== '') &&
    (colon < 0 || TAG.test(tag)) &&
    (digest === '' || DIGEST.test(digest)) &&
    more.length === 0;
  if (!fits)
    throw new Error(
      `--image must be like registry.example.com/tradewind:0.1.0, or end in @sha256:…, not "${name}"`,
    );
  return { registry: '', repository, tag, digest };
}

/** What a person asked for, as far as the chart is concerned. */
export interface Wishes {
  readonly image: ImageValues;
  readonly pullPolicy: string;
  readonly brokerClass: string;
  readonly storage: 'sqlite' | 'postgres';
  /** Files of values, and single values as for Helm's `--set`, which win over all else. */
  readonly files: readonly string[];
  readonly sets: readonly string[];
}

/** Secret with the connection strings of the services. */
export const DATABASES = 'databases';

/**
 * The values that the suite sets itself, below those of the person who runs it.
 * @param revision counts the rollouts: another one is another configuration of every service
 */
export function valuesOf({ image, pullPolicy, brokerClass, storage }: Wishes, revision: number): object {
  return {
    image: { ...image, pullPolicy },
    broker: { class: brokerClass },
    storage:
      storage === 'sqlite' ? { kind: storage } : { kind: storage, postgres: { existingSecret: DATABASES } },
    defaults: { podAnnotations: { 'tradewind.example/e2e-revision': String(revision) } },
  };
}

/** Arguments that give Helm the values. */
export function valueArgs({ files, sets }: Wishes, own: string): string[] {
  return [
    ...[own, ...files].flatMap((file) => ['--values', file]),
    ...sets.flatMap((each) => ['--set', each]),
  ];
}
