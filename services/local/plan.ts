import { fileURLToPath } from 'node:url';
import { environment } from '../../platform/config.ts';
import type { AnyServiceCard } from '../../platform/service.ts';
import { services } from '../index.ts';
import type { Secrets } from './secrets.ts';

/** What somebody may choose about a shop on one machine. */
export interface ShopOptions {
  readonly dataDir: string;
  /** Port of the storefront; the others follow. 0: any free ports. */
  readonly portBase: number;
  /** How long after its preparation a parcel leaves by itself, or `off`. */
  readonly autoDispatch: string;
  readonly secrets: Secrets;
  /** Folder of the Broker and Trigger manifests. @default the shop's own */
  readonly manifests?: string;
  /** Further settings, by variable name. They win over the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The variables of one process of the shop. */
export type Environment = Readonly<Record<string, string | undefined>>;

const HOST = '127.0.0.1';

/** The broker's place is the second one, whatever services there are. */
const BROKER_OFFSET = 1;
const offsets = portOffsets(services);

/** Names of everything that runs, in the order of their ports. */
export function programs(): string[] {
  return [...offsets].toSorted(([, a], [, b]) => a - b).map(([name]) => name);
}

/** What a program does, in one sentence. */
export function summaryOf(name: string): string {
  if (name === 'broker') return 'Takes events at /default/shop and brings them to whom a Trigger names.';
  return services.find((each) => each.name === name)?.summary ?? '';
}

/** How many ports in a row a shop takes, gaps included. */
export function portSpan(): number {
  return Math.max(...offsets.values()) + 1;
}

/** Port of a program; 0, any free one, where the base is 0. */
export function portOf(name: string, { portBase }: Pick<ShopOptions, 'portBase'>): number {
  const offset = offsets.get(name);
  if (offset === undefined) throw new Error(`there is no program "${name}"`);
  return portBase === 0 ? 0 : portBase + offset;
}

/**
 * Places of the programs, counted from the shop's first port: each service has the one that its card names, or the
 * first free one in the order of the list.
 * @throws Error when two want the same one.
 */
export function portOffsets(
  cards: readonly Pick<AnyServiceCard, 'name' | 'portOffset'>[],
): ReadonlyMap<string, number> {
  const byOffset = new Map([[BROKER_OFFSET, 'broker']]);
  for (const { name, portOffset } of cards) {
    if (portOffset === undefined) continue;
    const holder = byOffset.get(portOffset);
    if (holder !== undefined) {
      throw new Error(`${name} wants portOffset ${portOffset}, which is ${holder}'s; change it on its card`);
    }
    byOffset.set(portOffset, name);
  }
  let free = 0;
  for (const { name } of cards.filter(({ portOffset }) => portOffset === undefined)) {
    while (byOffset.has(free)) free += 1;
    byOffset.set(free, name);
  }
  return new Map([...byOffset].map(([offset, name]) => [name, offset]));
}

export function addressOf(name: string, options: Pick<ShopOptions, 'portBase'>): string {
  return `http://${HOST}:${portOf(name, options)}`;
}

/** The address that services post their events to. */
export function sinkAt(brokerUrl: string): string {
  return `${brokerUrl}/default/shop`;
}

export function brokerEnvironment(options: ShopOptions): Environment {
  return { ...common('broker', options), MANIFESTS: options.manifests ?? manifestFolder };
}

export function serviceEnvironment(name: string, options: ShopOptions, sink: string): Environment {
  return {
    ...common(name, options),
    K_SINK: sink,
    SESSION_SECRET: options.secrets.sessionSecret,
    AUTO_DISPATCH: options.autoDispatch,
    // One name for all of them would tell nothing.
    OTEL_SERVICE_NAME: name,
    ...options.env,
  };
}

/** Where the Broker and Trigger manifests are: the same files that a cluster gets. */
const manifestFolder = fileURLToPath(new URL('../../k8s', import.meta.url));

/** Where each service is, for whoever brings events to them; nothing where the system chooses the ports. */
function subscribersOf(options: ShopOptions): string {
  if (options.portBase === 0) return '';
  return services.map(({ name }) => `${name}=${addressOf(name, options)}`).join(',');
}

function common(name: string, options: ShopOptions): Environment {
  const own = environment();
  return {
    ...own,
    PORT: String(portOf(name, options)),
    // One for all of them would be taken.
    EVENTS_PORT: '',
    HOST,
    DATA_DIR: options.dataDir,
    SUBSCRIBERS: subscribersOf(options),
    STAFF_TOKEN: options.secrets.staffToken,
    // Elsewhere a dead letter may not name the machine itself; here all services are on it.
    REDRIVE_HOSTS: own['REDRIVE_HOSTS'] ?? `${HOST},localhost`,
    LOG_FORMAT: own['LOG_FORMAT'] ?? 'text',
    LOG_LEVEL: own['LOG_LEVEL'] ?? 'warn',
    ...options.env,
  };
}
