import type { Counter } from 'prom-client';
import type { LiveStreams } from '../../platform/http/live.ts';
import type { Reader } from '../../platform/store/store.ts';
import type { Watermark } from '../../platform/store/watermark.ts';
import type { ByteBudget } from './bytes.ts';
import type { Deliverer } from './deliver.ts';
import type { Redriver } from './redriver.ts';
import type { LedgerSettings } from './settings.ts';

/** What the ledger's parts share. */
export interface Deps {
  readonly settings: LedgerSettings;
  /** Committed data, for tasks, which have no transaction while they work. */
  readonly read: Reader;
  /** Aborted at shutdown. */
  readonly closing: AbortSignal;
  /** The broker's front door, as people can post to it. */
  readonly brokerUrl: string | undefined;
  readonly deliverer: Deliverer;
  readonly live: LiveStreams;
  /** How far the archive may be read on. */
  readonly watermark: Watermark;
  readonly kept: Counter;
  /** For the bodies of dead letters that are on their way in. */
  readonly arriving: ByteBudget;
  readonly redriver: Redriver;
  close(): Promise<void>;
}
