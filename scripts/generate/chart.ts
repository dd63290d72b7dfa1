import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, parse, parseDocument, stringify, type Pair, type YAMLMap } from 'yaml';
import { z } from 'zod';
import type { EventContract } from '../../platform/contract.ts';
import type { AnyServiceCard } from '../../platform/service.ts';
import { code, table } from './markdown.ts';

/** What the chart makes EventTypes of. A type in several forms, told apart by another attribute, is one EventType. */
export function eventTypes(vocabulary: readonly EventContract[]): string {
  const types = new Map(vocabulary.map((contract) => [contract.type, contract]));
  const items = [...types.values()].map(({ type, source, summary }) => {
    const forms = vocabulary.filter((contract) => contract.type === type);
    const description = forms.length === 1 ? summary : forms.map((each) => each.summary).join(' Or: ');
    const name = type.replace(/^shop\.tradewind\./, '').replaceAll('.', '-');
    return [
      `- name: ${name}`,
      `  type: ${type}`,
      `  source: ${source}`,
      `  description: ${JSON.stringify(description)}`,
    ].join('\n');
  });
  return `# Made from events/ by npm run docs; do not edit.\n${items.join('\n')}\n`;
}

/** Which settings each service reads and how their values are written, for the chart to find typos by. */
export function knownSettings(common: z.ZodRawShape, services: readonly AnyServiceCard[]): string {
  const known = services.map(({ name, settings }) => {
    const all = Object.entries({ ...common, ...(settings as z.ZodRawShape) });
    return [
      name,
      Object.fromEntries(all.map(([key, schema]) => [key, formOf(schema as z.ZodType)])),
    ] as const;
  });
  return `# Made from the settings of the services by npm run docs; do not edit.\n${stringify(Object.fromEntries(known))}`;
}

/** How a value is written: one of a list, a `duration`, a whole `number`, or any `text`. */
function formOf(schema: z.ZodType): readonly string[] | string {
  if (schema instanceof z.ZodEnum) return schema.options.map(String);
  const unit = schema.meta()?.['unit'];
  if (typeof unit === 'string') return unit;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return formOf(schema.def.innerType as z.ZodType);
  return schema instanceof z.ZodPipe ? formOf(schema.def.in as z.ZodType) : 'text';
}

interface Row {
  readonly key: string;
  readonly value: unknown;
  readonly meaning: string;
}

/** The chart's README: its template, with a table of every value from the comments in `values.yaml`. */
export function chartPage(folder: string): string {
  const chart = parse(readFileSync(join(folder, 'Chart.yaml'), 'utf8')) as { kubeVersion: string };
  const values = parseDocument(readFileSync(join(folder, 'values.yaml'), 'utf8')).contents as YAMLMap;
  const commented = values.items.map((pair, index) => ({ pair, comment: commentOf(values, pair, index) }));
  const general = commented.filter(({ comment }) => comment.startsWith(MARK));
  const sections = commented.filter((each) => !general.includes(each) && isMap(each.pair.value));
  const tables = [
    tableOf(general.flatMap(({ pair, comment }) => rowsOf(pair, comment))),
    ...sections.map(({ pair, comment }) => sectionOf(pair, comment)),
  ];
  return readFileSync(join(folder, 'README.template.md'), 'utf8')
    .replace('KUBERNETES', chart.kubeVersion.replace('-0', ''))
    .replace('VALUES\n', () => `${tables.join('\n\n')}\n`);
}

function sectionOf(pair: Pair, comment: string): string {
  return [`### ${nameOf(pair)}`, ...(comment ? [comment] : []), tableOf(rowsOf(pair, comment))].join('\n\n');
}

const MARK = '-- ';

/** The values below a map that have a comment beginning with `--`. */
function rowsIn(map: YAMLMap, path: string): Row[] {
  return map.items.flatMap((pair, index) => rowsOf(pair, commentOf(map, pair, index), path));
}

function rowsOf(pair: Pair, comment: string, path = ''): Row[] {
  const key = path ? `${path}.${nameOf(pair)}` : nameOf(pair);
  if (comment.startsWith(MARK)) {
    const value = pair.value && typeof pair.value === 'object' && 'toJSON' in pair.value ? pair.value : null;
    return [{ key, value: (value as YAMLMap | null)?.toJSON() ?? '', meaning: comment.slice(MARK.length) }];
  }
  return isMap(pair.value) ? rowsIn(pair.value, key) : [];
}

/** The first key's comment belongs, to the parser, to the map. */
function commentOf(map: YAMLMap, { key }: Pair, index: number): string {
  const own = isScalar(key) ? key.commentBefore : undefined;
  const text = own ?? (index === 0 ? map.commentBefore : undefined) ?? '';
  return text
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim();
}

function nameOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : '';
}

function tableOf(rows: readonly Row[]): string {
  return table(
    ['value', 'default', 'what it is'],
    rows.map(({ key, value, meaning }) => [code(key), code(JSON.stringify(value)), meaning]),
  );
}
