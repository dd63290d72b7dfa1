import { z } from 'zod';
import { readConfig, setting } from './config.ts';
import { traceSettings } from './trace/settings.ts';

/** The settings every program has, services and broker alike. */
export const programSettings = {
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('least level logged'),
  LOG_FORMAT: z.enum(['json', 'text']).default('json').describe('json for machines, text for a terminal'),
} as const;

const subjects = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean),
  )
  .refine(
    (list) => list.length > 0 && list.every((each) => !each.slice(0, -1).includes('*')),
    'must be like system:serviceaccount:shop:one,system:serviceaccount:shop:other*, with * only at an end',
  );

/** The settings every service has, by environment variable. */
export const serviceSettings = {
  PORT: setting.integer(0, 65_535).default(8080).describe('port of the HTTP server'),
  EVENTS_PORT: setting
    .integer(0, 65_535)
    .optional()
    .describe('port where events are brought, and not at PORT any more; without it that is PORT'),
  HOST: setting.text().default('0.0.0.0').describe('address the HTTP server binds to'),
  K_SINK: setting
    .url()
    .optional()
    .describe('address of the broker; until it is set, events wait in the outbox'),
  K_CE_OVERRIDES: z
    .string()
    .default('{}')
    .transform((text, context) => {
      try {
        return overrides.parse(JSON.parse(text)).extensions;
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON like {"extensions":{"name":"value"}}' });
        return z.NEVER;
      }
    })
    .describe('extensions to set on every event sent, as a SinkBinding writes them'),
  K_CA_CERTS: setting
    .certificates()
    .optional()
    .describe(
      'certificates in PEM that are trusted at the broker instead of the public ones, as a SinkBinding writes them',
    ),
  OIDC_SINK_TOKEN_FILE: setting
    .text()
    .default('/oidc/token')
    .describe('file with the bearer token that posts to the broker show; where a SinkBinding mounts it'),
  OIDC_ISSUER: setting
    .url()
    .optional()
    .describe('issuer of the tokens that whoever brings events must show; without it none is asked for'),
  OIDC_AUDIENCE: setting
    .text()
    .optional()
    .describe('audience that those tokens must be for; needed with OIDC_ISSUER'),
  OIDC_SUBJECTS: subjects
    .optional()
    .describe(
      'subjects that may bring events, by comma, * at the end for any ending; needed with OIDC_ISSUER',
    ),
  OIDC_DISCOVERY_URL: setting
    .url()
    .optional()
    .describe(
      'where the keys of the issuer are found, if not at itself: in a cluster https://kubernetes.default.svc',
    ),
  OIDC_CA_FILE: setting
    .text()
    .optional()
    .describe('file with certificates in PEM that are trusted there instead of the public ones'),
  OIDC_TOKEN_FILE: setting
    .text()
    .optional()
    .describe('file with a bearer token that may read the keys, which a Kubernetes API server asks for'),
  DATA_DIR: setting
    .text()
    .default('.data')
    .describe('folder of the databases, where DATABASE_URL is not set'),
  DATA_LOCK_TIMEOUT: setting
    .duration()
    .default(2000)
    .describe('how long to wait at the start for that folder, while another process still has it'),
  DATABASE_URL: setting
    .databaseUrl()
    .optional()
    .describe(
      'PostgreSQL instead of files, as postgres://user:password@host/database?sslmode=verify-full; each service has a schema of its own in it',
    ),
  DATABASE_CA: setting
    .certificates()
    .optional()
    .describe('certificate, in PEM, of the authority that the one of PostgreSQL must come from'),
  DATABASE_POOL_SIZE: setting
    .integer(2, 1000)
    .default(10)
    .describe('connections to PostgreSQL at most, for each schema'),
  DATABASE_CONNECT_TIMEOUT: setting
    .duration()
    .default(5000)
    .describe('longest wait for a connection to PostgreSQL, a new one or a free one'),
  DATABASE_STATEMENT_TIMEOUT: setting
    .duration()
    .default(10_000)
    .describe('longest time of a statement on PostgreSQL; then it is cancelled'),
  STAFF_TOKEN: setting
    .secret(16)
    .optional()
    .describe('bearer token of the staff routes; without it they are closed'),
  ...programSettings,
  MAX_BODY_BYTES: setting
    .integer(1024, 64 * 1024 * 1024)
    .default(1024 * 1024)
    .describe('longest request body'),
  MAX_EVENTS_IN_FLIGHT: setting.integer(1, 100_000).default(1000).describe('more at once are answered 503'),
  POISON_STATUS: setting
    .integer(500, 599)
    .optional()
    .describe(
      'answered instead of 400, 401, 403, 413 or 422 to an event that is refused: for broker classes that drop what they are refused with a 4xx',
    ),
  MAX_REQUESTS_PER_SOCKET: setting
    .integer(0, 1_000_000)
    .default(0)
    .describe('a connection is closed after so many, so that replicas share the load; 0: never'),
  RELAY_TIMEOUT: setting.duration().default(120_000).describe('above the delivery budget of the Broker'),
  RELAY_IN_FLIGHT: setting.integer(1, 4096).default(256).describe('posts to the broker at once'),
  INBOX_RETENTION: setting
    .duration()
    .default(14 * 86_400_000)
    .describe('how long duplicates are recognised, and tasks kept of a kind that the service no longer has'),
  SHUTDOWN_DELAY: setting
    .duration()
    .default(0)
    .describe('how long to take requests after /readyz turned false: time for a load balancer to notice'),
  SHUTDOWN_GRACE: setting
    .duration()
    .default(8000)
    .describe('longest wait, after that, for requests, tasks and posts at work'),
  ...traceSettings,
} as const;

// Only extensions: another id or type would make it another event.
const CORE = /^(?:specversion|id|source|type|subject|time|data|datacontenttype|dataschema)$/;
const extensionName = z
  .string()
  .regex(/^[a-z0-9]+$/)
  .refine((name) => !CORE.test(name));
const overrides = z.object({ extensions: z.record(extensionName, z.string()).default({}) });

/** The settings every service has, read and checked. */
export type ServiceSettings = z.infer<z.ZodObject<typeof serviceSettings>>;

/**
 * Reads a service's settings, the platform's and the card's own.
 * @throws ConfigError naming each variable that is missing or wrong.
 */
export function readSettings(
  card: { readonly settings: z.ZodRawShape },
  env: Readonly<Record<string, string | undefined>>,
): ServiceSettings & Record<string, unknown> {
  return readConfig({ ...serviceSettings, ...card.settings }, env) as ServiceSettings &
    Record<string, unknown>;
}
