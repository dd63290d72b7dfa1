import type { ServiceSettings } from './settings.ts';
import { TokenFile } from './token-file.ts';

/** The broker's front door, as a SinkBinding makes it known. */
export interface Sink {
  readonly url: string;
  /**
   * Milliseconds before a post counts as lost. It lies above the broker's whole delivery budget: with Knative's
   * in-memory channel a post lasts as long as its slowest subscriber, and one given up early is never dead-lettered.
   */
  readonly timeoutMs: number;
  /** Certificates in PEM that are trusted there instead of the public ones. */
  readonly ca: string | undefined;
  /** Who this service is to the broker; every post shows it. */
  readonly token: TokenFile;
}

/** Where a service's events go; `undefined` until it is known. */
export function sinkOf(settings: ServiceSettings): Sink | undefined {
  const { K_SINK: url, RELAY_TIMEOUT: timeoutMs, K_CA_CERTS: ca, OIDC_SINK_TOKEN_FILE: path } = settings;
  return url === undefined ? undefined : { url, timeoutMs, ca, token: new TokenFile(path) };
}
