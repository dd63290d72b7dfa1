import { z } from 'zod';
import { setting } from '../config.ts';

/** `name=value,name=value`, percent-encoded, as OpenTelemetry writes lists in an environment. */
const pairs = () =>
  z.string().transform((text, context): Readonly<Record<string, string>> => {
    try {
      return Object.fromEntries(
        text
          .split(',')
          .filter((entry) => entry.trim() !== '')
          .map(pairOf),
      );
    } catch {
      context.addIssue({ code: 'custom', message: 'must be like name=value,name=value, percent-encoded' });
      return z.NEVER;
    }
  });

function pairOf(entry: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(entry) ?? [];
  if (name === undefined || value === undefined) throw new Error('no pair');
  return [decodeURIComponent(name.trim()), decodeURIComponent(value.trim())];
}

const samplers = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;

/** The settings of traces, by the names that OpenTelemetry has given them. */
export const traceSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: setting
    .url()
    .optional()
    .describe(
      'a collector of traces, OTLP over HTTP, like `http://collector:4318`; without it there are none',
    ),
  OTEL_EXPORTER_OTLP_HEADERS: pairs()
    .optional()
    .describe('headers for the collector, like `authorization=Bearer%20…`'),
  OTEL_SERVICE_NAME: setting.text().optional().describe('what traces call the service, instead of its name'),
  OTEL_RESOURCE_ATTRIBUTES: pairs()
    .optional()
    .describe('what traces tell of the service besides, like `deployment.environment.name=staging`'),
  OTEL_TRACES_SAMPLER: z
    .enum(samplers)
    .default('parentbased_always_on')
    .describe('which traces are recorded; parentbased: as it was decided where the trace began'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(?:0|1|0?\.\d+|[01]\.0*)$/, 'must be a share between 0 and 1')
    .transform(Number)
    .default(1)
    .describe('share of the traces that traceidratio records'),
} as const;

/** The settings of traces, read and checked. */
export type TraceSettings = z.infer<z.ZodObject<typeof traceSettings>>;
