import { z } from 'zod';
import { formatDuration } from '../../platform/duration.ts';
import type { AnyServiceCard } from '../../platform/service.ts';
import { code, table } from './markdown.ts';

/** `docs/configuration.md`: every environment variable, from the schemas that read them. */
export function configurationPage(
  common: z.ZodRawShape,
  services: readonly AnyServiceCard[],
  broker: z.ZodRawShape,
): string {
  const own = services.filter(({ settings }) => Object.keys(settings).length > 0);
  const sections = [
    intro,
    section('Every service', common),
    ...own.map(({ name, settings }) => section(name, settings as z.ZodRawShape)),
    section('The local broker', broker),
  ];
  return `${sections.join('\n\n')}\n`;
}

const intro = `# Configuration

Every program reads its settings once, at start, from environment variables, and refuses to start when one is missing
or wrong, naming it. This page is generated from the schemas that read them by \`npm run docs\`; do not edit it.

An empty variable counts as not set. \`NAME_FILE\` names a file whose content is the value of \`NAME\`, as mounted
secrets are. Durations are written \`500ms\`, \`2s\`, \`5m\`, \`1h\`, \`3d\` or \`PT2S\`. \`npm start\` sets ports, addresses,
secrets and the data folder itself and passes everything else on.`;

function section(title: string, shape: z.ZodRawShape): string {
  const rows = Object.entries(shape).map(([name, schema]) => [
    code(name),
    defaultOf(schema as z.ZodType),
    (schema as z.ZodType).description ?? '',
  ]);
  return `## ${title}\n\n${table(['variable', 'default', 'what it is'], rows)}`;
}

function defaultOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodOptional) return '';
  // A default may stand before a transformation: it is what an environment would say.
  if (schema instanceof z.ZodPipe) return defaultOf(schema.def.in as z.ZodType);
  if (!(schema instanceof z.ZodDefault)) return '**required**';
  const value: unknown = schema.def.defaultValue;
  if (value === '') return '';
  const inner = schema.def.innerType as z.ZodType;
  const isDuration = inner.meta()?.['unit'] === 'duration';
  return code(isDuration && typeof value === 'number' ? formatDuration(value) : String(value));
}
