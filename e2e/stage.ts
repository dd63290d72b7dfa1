import type { RemoteShop } from '../services/cluster/shop.ts';

/**
 * A shop that runs somewhere, and what the cases do to it. On a cluster these are Helm and kubectl; the tests of the
 * cases have processes on this machine. Whatever a case finds out, it finds by the shop's own APIs.
 */
export interface Stage {
  /** The services as customers and staff reach them; the addresses stay while Pods come and go. */
  readonly shop: RemoteShop;
  readonly brokerClass: string;
  readonly storage: 'sqlite' | 'postgres';
  /** What the names of the Triggers begin with. */
  readonly triggerPrefix: string;
  /** Runs this many Pods of a service. Resolves when they are ready, or when none is left. */
  scale(service: string, replicas: number): Promise<void>;
  /** Deletes one Pod of a service that may be at work. Resolves when another one is ready. */
  replace(service: string): Promise<void>;
  /** Rolls every service over to a new configuration. Resolves when all are ready again. */
  upgrade(): Promise<void>;
  /** The metrics of every Pod of a service, one page per Pod. */
  metrics(service: string): Promise<readonly string[]>;
  /** Runs a program of Node with the surroundings of a service. @returns what it wrote to standard output */
  run(service: string, program: string, input: unknown): Promise<string>;
  /** The test that the chart brings along. @returns what it said @throws Error with what it said, when it fails */
  selfTest(): Promise<string>;
  /** Removes the shop. @returns what of it is still there afterwards. Only where there is a cluster to leave. */
  uninstall?(): Promise<readonly string[]>;
}

/** What a case has to work with. */
export interface Context {
  readonly stage: Stage;
  /** Tells how far it is. */
  readonly say: (line: string) => void;
}

/** Something that must hold. */
export interface Case {
  readonly name: string;
  /** What holds, in a sentence. */
  readonly what: string;
  /** Why it cannot be tried on a stage, where it cannot. */
  readonly skip?: (stage: Stage) => string | undefined;
  /** @throws Error saying what did not hold */
  readonly run: (context: Context) => Promise<void>;
}

export const SERVICES = ['storefront', 'payment', 'inventory', 'shipping', 'ledger'] as const;
