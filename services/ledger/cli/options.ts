import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { parseDuration } from '../../../platform/duration.ts';
import { CAUSES } from '../cause.ts';
import { whoami } from './context.ts';
import { COMMAND, fullSource, fullType } from './names.ts';

/** The command above all others, with the options that every command takes. */
export function newRoot() {
  return new Command(COMMAND)
    .description(
      'Shows what has happened in the shop, explains what could not be delivered, and delivers it again.\n' +
        'It asks the ledger, which keeps every event that is not confidential, and every dead letter.',
    )
    .option('--url <url>', 'where the ledger is (default: LEDGER_URL, else http://127.0.0.1:8086)', url)
    .option(
      '--token-file <file>',
      'file with the staff token (default: STAFF_TOKEN, else that of the shop in --data)',
    )
    .option('--data <dir>', 'folder of the shop on this machine', '.data')
    .option('--json', 'print what the ledger answered, as JSON')
    .option('--no-color', 'no colours; NO_COLOR says the same')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .exitOverride();
}

export type Root = ReturnType<typeof newRoot>;

/** Examples below the help of a command. */
export function examples(...lines: readonly (readonly [command: string, what: string])[]): string {
  const texts = lines.map(([command, what]) => `  # ${what}\n  ${COMMAND} ${command}`);
  return `\nExamples:\n${texts.join('\n')}`;
}

/** Options that several commands share, each stated once. */
export const options = {
  type: () =>
    new Option('--type <type>', 'only this type: order.placed, or a whole type').argParser(fullType),
  source: () =>
    new Option('--source <source>', 'only from this source: payment, or a whole source').argParser(
      fullSource,
    ),
  subject: () => new Option('--subject <subject>', 'only about this order, shipment, customer or article'),
  order: () => new Option('--order <id>', 'only the story of this order (its correlationid)'),
  subscriber: () => new Option('--subscriber <url>', 'only what this subscriber did not take'),
  cause: () => new Option('--cause <cause>', 'only with this cause').choices(CAUSES),
  state: () =>
    new Option('--state <state>', 'only in this state')
      .choices(['open', 'waiting', 'held', 'closed'] as const)
      .default('open' as const),
  since: () =>
    new Option(
      '--since <when>',
      'only from then on: 10m for ten minutes ago, or 2026-01-31T12:00:00Z',
    ).argParser(when),
  until: () => new Option('--until <when>', 'only up to then, written likewise').argParser(when),
  limit: () => new Option('--limit <number>', 'at most so many').argParser(positive).default(20),
  all: () => new Option('--all', 'every one there is'),
  dryRun: () => new Option('--dry-run', 'say what would be done, and do nothing'),
  reason: () => new Option('--reason <text>', 'why, for the audit log'),
  by: () => new Option('--by <name>', 'who, for the audit log').default(whoami()),
} as const;

/** @throws InvalidArgumentError unless it is a duration, which counts back from now, or an instant. */
export function when(text: string): string {
  return parseWhen(text, new Date());
}

/** The instant that a text means. One without a zone is UTC, as all times of the ledger are. */
export function parseWhen(text: string, now: Date): string {
  const back = parseDuration(text);
  if (back !== undefined) return new Date(now.getTime() - back).toISOString();
  const match = INSTANT.exec(text);
  const time = match ? Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new InvalidArgumentError(
    'It must be a duration such as 10m or 2h, or a time such as 2026-01-31T12:00:00Z.',
  );
}

export function positive(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 on.');
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/i;

function url(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('It must be an http or https URL.');
}
