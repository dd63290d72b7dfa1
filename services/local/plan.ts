import { fileURLToPath } from 'node:url';
import { environment } from '../../platform/config.ts';
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
  /** Further settings, by variable name. They win over the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The variables of one process of the shop. */
export type Environment = Readonly<Record<string, string | undefined>>;

const HOST = '127.0.0.1';

/** Names of everything that runs, in the order of their ports. */
export function programs(): string[] {
  const [first = '', ...rest] = services.map((service) => service.name);
  return [first, 'broker', ...rest];
}

/** Port of a program; 0, any free one, where the base is 0. */
export function portOf(name: string, { portBase }: ShopOptions): number {
  return portBase === 0 ? 0 : portBase + programs().indexOf(name);
}

export function addressOf(name: string, options: ShopOptions): string {
  return `http://${HOST}:${portOf(name, options)}`;
}

/** The address that services post their events to. */
export function sinkAt(brokerUrl: string): string {
  return `${brokerUrl}/default/shop`;
}

export function brokerEnvironment(options: ShopOptions): Environment {
  const subscribers = services.map(({ name }) => `${name}=${addressOf(name, options)}`);
  return { ...common('broker', options), MANIFESTS: manifestFolder, SUBSCRIBERS: subscribers.join(',') };
}

export function serviceEnvironment(name: string, options: ShopOptions, sink: string): Environment {
  return {
    ...common(name, options),
    K_SINK: sink,
    SESSION_SECRET: options.secrets.sessionSecret,
    AUTO_DISPATCH: options.autoDispatch,
    ...options.env,
  };
}

/** Where the Broker and Trigger manifests are: the same files that a cluster gets. */
const manifestFolder = fileURLToPath(new URL('../../k8s', import.meta.url));

function common(name: string, options: ShopOptions): Environment {
  const own = environment();
  return {
    ...own,
    PORT: String(portOf(name, options)),
    HOST,
    DATA_DIR: options.dataDir,
    STAFF_TOKEN: options.secrets.staffToken,
    LOG_FORMAT: own['LOG_FORMAT'] ?? 'text',
    LOG_LEVEL: own['LOG_LEVEL'] ?? 'warn',
    ...options.env,
  };
}
