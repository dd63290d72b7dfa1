import type { AuditEntry, DryRun, Failure, Replay, WholeReplay } from './answers.ts';
import type { Look } from './context.ts';
import { drawAnswer, drawFields, section } from './draw-events.ts';
import { COMMAND, shortSubscriber, shortType } from './names.ts';
import { table, type Column } from './table.ts';
import { count, cut, dayAndClock, toJson, wrap } from './text.ts';

/** What would be delivered again, or discarded. */
export function drawDryRun(verb: string, { total, items }: DryRun, look: Look): string {
  const hasDied = items.some(({ subscriber }) => subscriber !== undefined);
  const title = `${count(total, hasDied ? 'dead letter' : 'event')} would be ${verb}; nothing was done.`;
  if (items.length === 0) return title;
  const columns: Column<DryRun['items'][number]>[] = [
    { title: 'NUMBER', of: ({ seq }) => String(seq), right: true },
    { title: 'TYPE', of: ({ type }) => (type ? shortType(type) : 'no event'), least: 12 },
    { title: 'ABOUT', of: ({ subject }) => subject ?? '-', least: 12 },
    { title: 'EVENT ID', of: ({ id }) => id || '-' },
  ];
  const died: typeof columns = [
    { title: 'DIED AT', of: ({ subscriber = '' }) => shortSubscriber(subscriber), least: 10 },
  ];
  const rest = total - items.length;
  return [
    title,
    '',
    table([...columns, ...(hasDied ? died : [])], items, look),
    ...(rest > 0 ? [`… and ${rest} more`] : []),
  ].join('\n');
}

export function drawReplays(replays: readonly Replay[], look: Look): string {
  if (replays.length === 0) return 'Nothing was replayed yet.';
  return table<Replay>(
    [
      { title: 'ID', of: ({ id }) => id },
      { title: 'BEGUN (UTC)', of: ({ createdAt }) => dayAndClock(createdAt) },
      { title: 'STATE', of: ({ state }) => state },
      { title: 'SENT', of: ({ sent, total }) => `${sent}/${total}`, right: true },
      { title: 'REFUSED', of: ({ refused }) => String(refused), right: true },
      { title: 'BY', of: ({ by }) => by, least: 6 },
      { title: 'REASON', of: ({ reason }) => reason, least: 6 },
    ],
    replays,
    look,
  );
}

/** Where a replay stands, in one line. */
export function drawProgress({ state, sent, refused, left, total, lastError }: Replay): string {
  const parts = [`${sent} of ${total} sent`, `${refused} refused`, ...(left > 0 ? [`${left} left`] : [])];
  const why = state === 'waiting' && lastError ? `; ${drawAnswer(lastError)}` : '';
  return cut(`${state}: ${parts.join(', ')}${why}`, 200);
}

export function drawReplay(replay: WholeReplay, look: Look): string {
  const { id, of, to, by, reason, createdAt, failures, state } = replay;
  const active = state === 'running' || state === 'waiting';
  return [
    `${look.paint('bold', `Replay ${id}`)}  ${drawProgress(replay)}`,
    drawFields(
      [
        ['what', of === 'events' ? 'kept events' : 'dead letters'],
        ['to', to === 'subscriber' ? 'each to the subscriber that failed' : to],
        ['by', by],
        ['reason', reason],
        ['begun', createdAt],
      ],
      look,
    ),
    ...(failures.length > 0 ? [section('Refused', drawFailures(failures, look), look)] : []),
    ...(active
      ? [
          section(
            'Next',
            `${COMMAND} replay-status ${id} --follow\n${COMMAND} cancel ${id} --reason '…'`,
            look,
          ),
        ]
      : []),
  ].join('\n');
}

function drawFailures(failures: readonly Failure[], look: Look): string {
  return table<Failure>(
    [
      { title: 'AT (UTC)', of: ({ at }) => dayAndClock(at) },
      { title: 'TYPE', of: ({ eventType }) => shortType(eventType), least: 12 },
      { title: 'EVENT ID', of: ({ eventId }) => eventId },
      { title: 'ANSWER', of: drawAnswer, least: 12 },
    ],
    failures,
    { ...look, width: look.width - 2 },
  );
}

/** Who did what by hand, and why. */
export function drawAudit(entries: readonly AuditEntry[], look: Look): string {
  if (entries.length === 0) return 'Nobody has replayed, discarded or revealed anything yet.';
  return entries.map((entry) => drawAct(entry, look)).join('\n\n');
}

function drawAct(
  { at, by, action, detail: { reason = '', ...what } }: AuditEntry,
  { paint, width }: Look,
): string {
  const facts = Object.entries(what).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : toJson(value, 0)}`,
  );
  return `${paint('dim', dayAndClock(at))}  ${paint('bold', `${by}  ${action}`)}  ${reason}\n${wrap(facts.join(', '), width, '  ')}`;
}
