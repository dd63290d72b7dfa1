import type { z } from 'zod';
import { setting } from '../../platform/config.ts';

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;

export const settings = {
  ARCHIVE_RETENTION: setting
    .duration()
    .default(90 * DAY_MS)
    .describe('how long events are kept'),
  ARCHIVE_MAX_BYTES: setting
    .integer(MIB, Number.MAX_SAFE_INTEGER)
    .default(2048 * MIB)
    .describe('size of the events kept; beyond it the oldest go, however young'),
  DEAD_LETTER_RETENTION: setting
    .duration()
    .default(90 * DAY_MS)
    .describe('how long dead letters are kept, settled ones after their end, open ones after their arrival'),
  MAX_DEAD_LETTER_BYTES: setting
    .integer(MIB, 1024 * MIB)
    .default(64 * MIB)
    .describe('longest dead letter'),
  REDRIVE_MAX_AGE: setting
    .duration()
    .default(3 * DAY_MS)
    .describe('how long a dead letter with a passing cause is delivered again by itself'),
  REDRIVE_IN_FLIGHT: setting
    .integer(1, 256)
    .default(8)
    .describe('dead letters on their way to one subscriber at once'),
  REDRIVE_BACKOFF: setting
    .duration()
    .default(1000)
    .describe('first wait before a dead letter, or one that knocks in an outage, goes again; it doubles'),
  REDRIVE_HOSTS: setting
    .text()
    .default('*.svc.cluster.local,*.svc')
    .transform((text) => text.split(',').map((host) => host.trim().toLowerCase()))
    .describe('hosts that a dead letter may name as its subscriber; * stands for anything before it'),
  DELIVERY_TIMEOUT: setting.duration().default(10_000).describe('how long a subscriber may take to answer'),
  SUBSCRIBERS: setting
    .addresses()
    .describe('where services are that are no host of that name: name=address, by comma'),
  SUBSCRIBER_TOKEN_DIR: setting
    .text()
    .optional()
    .describe(
      'folder with a bearer token for each service of SUBSCRIBERS, in a file of its name, which deliveries to it show; without it none is shown',
    ),
  LEDGER_STREAMS: setting.integer(1, 10_000).default(100).describe('live streams open at once'),
  LEDGER_POLL: setting.duration().default(2000).describe('how often a live stream looks for news by itself'),
  LEDGER_HEARTBEAT: setting.duration().default(15_000).describe('longest silence of a live stream'),
} as const;

export type LedgerSettings = z.infer<z.ZodObject<typeof settings>>;
