import { UsageError } from './failure.ts';

/** What several commands pick by. */
interface Chosen {
  readonly all?: true | undefined;
  readonly type?: string | undefined;
  readonly order?: string | undefined;
  readonly since?: string | undefined;
  readonly subscriber?: string | undefined;
  readonly cause?: string | undefined;
  readonly source?: string | undefined;
  readonly subject?: string | undefined;
}

interface Signed {
  readonly reason?: string | undefined;
  readonly dryRun?: true | undefined;
}

/** Dead letters as the ledger's API takes them. @throws UsageError when nothing is picked, or by an event's id. */
export function selectLetters(ids: readonly string[], chosen: Chosen): object {
  const { subscriber, cause, source, subject } = chosen;
  if ((source ?? subject) !== undefined)
    throw new UsageError('--source and --subject pick kept events: say --events too');
  const wrong = ids.find((id) => !/^[1-9]\d{0,14}$/.test(id));
  if (wrong !== undefined)
    throw new UsageError(`"${wrong}" is no number of a dead letter; the id of an event goes with --events`);
  return selected('dead letters', { ids: some(ids.map(Number)), ...shared(chosen), subscriber, cause });
}

/** Kept events, likewise. */
export function selectEvents(ids: readonly string[], chosen: Chosen): object {
  const { subscriber, cause, source, subject } = chosen;
  if ((subscriber ?? cause) !== undefined)
    throw new UsageError('--subscriber and --cause pick dead letters: leave --events out');
  return selected('events', { ids: some(ids), ...shared(chosen), source, subject });
}

/** The reason for the audit log; a dry run does nothing that needs one. */
export function reasonOf({ reason, dryRun }: Signed): string {
  if (reason !== undefined) return reason;
  if (dryRun) return 'dry run';
  throw new UsageError("say why, for the audit log: --reason '…'");
}

function shared({ all, type, order, since }: Chosen) {
  return { all, type, correlation: order, from: since };
}

function selected(what: string, select: Readonly<Record<string, unknown>>): object {
  if (Object.values(select).some((value) => value !== undefined)) return select;
  throw new UsageError(
    `name ${what} by id, or pick them by --type, --order and the like; --all means every one`,
  );
}

function some<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length > 0 ? values : undefined;
}
