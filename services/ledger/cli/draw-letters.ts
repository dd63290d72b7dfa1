import type { Group, Letter, WholeLetter } from './answers.ts';
import type { Look } from './context.ts';
import { drawAnswer, drawFields, section } from './draw-events.ts';
import { COMMAND, quoted, shortSubscriber, shortType } from './names.ts';
import { table } from './table.ts';
import { ago, count, cut, dayAndClock, span, wrap } from './text.ts';

const NOT_AN_EVENT = 'no event';

/** What could not be delivered, by why; each group with the command to run next. */
export function drawGroups(groups: readonly Group[], look: Look): string {
  if (groups.length === 0) return 'No dead letter is open here.';
  const total = groups.reduce((sum, group) => sum + group.count, 0);
  const title = `${count(total, 'open dead letter')} in ${count(groups.length, 'group')}`;
  return [look.paint('bold', title), ...groups.map((group) => drawGroup(group, look))].join('\n\n');
}

function drawGroup(group: Group, { paint, width, now }: Look): string {
  const { subscriber, type, held, oldest, words } = group;
  const head = [shortSubscriber(subscriber), type ? shortType(type) : NOT_AN_EVENT, causeOf(group)].join(
    '  ',
  );
  const next = held > 0 ? `dead-letters show ${group.example}` : `dead-letters list ${filtersOf(group)}`;
  return [
    paint(held > 0 ? 'red' : 'yellow', head),
    `  ${count(group.count, 'letter')}: ${whoseTurn(group)}; the oldest died ${ago(oldest, now)}`,
    wrap(words, width, '  '),
    `  ${paint('dim', 'Next:')} ${COMMAND} ${next}`,
  ].join('\n');
}

function whoseTurn({ held, waiting }: Group): string {
  if (waiting === 0) return 'for a person';
  return held === 0
    ? 'delivered again by itself'
    : `${held} for a person, ${waiting} delivered again by itself`;
}

/** The flags that pick exactly one group. */
export function filtersOf({ subscriber, type, cause }: Pick<Group, 'subscriber' | 'type' | 'cause'>): string {
  const flags = [
    ...(subscriber === '' ? [] : [`--subscriber ${quoted(subscriber)}`]),
    ...(type ? [`--type ${quoted(shortType(type))}`] : []),
    `--cause ${quoted(cause)}`,
  ];
  return flags.join(' ');
}

export function drawLetters(letters: readonly Letter[], look: Look): string {
  if (letters.length === 0) return 'No dead letter fits.';
  return table<Letter>(
    [
      { title: 'ID', of: ({ id }) => String(id), right: true },
      { title: 'DIED (UTC)', of: ({ diedAt }) => dayAndClock(diedAt) },
      { title: 'SUBSCRIBER', of: ({ subscriber }) => shortSubscriber(subscriber), least: 10 },
      {
        title: 'TYPE',
        of: ({ event }) => (event?.type === undefined ? NOT_AN_EVENT : shortType(event.type)),
        least: 12,
      },
      { title: 'ABOUT', of: ({ event }) => event?.subject ?? '-', least: 8 },
      { title: 'CAUSE', of: causeOf },
      { title: 'STATE', of: stateOf },
    ],
    letters,
    look,
  );
}

/** All that is known of a dead letter; `body` is printable already, and says why where there is none. */
export function drawLetter(letter: WholeLetter, body: string, look: Look): string {
  const { event = {}, fields, headers = {}, attempts, words, id, subscriber } = letter;
  const title = `Dead letter ${id}: ${event.type === undefined ? NOT_AN_EVENT : shortType(event.type)}  ${event.subject ?? ''}`;
  return [
    look.paint('bold', title.trimEnd()),
    wrap(words, look.width, ''),
    '',
    drawFields(
      [
        ['state', stateInWords(letter, look.now)],
        [
          'died',
          `${letter.diedAt} (${ago(letter.diedAt, look.now)})${letter.arrivals > 1 ? `, ${letter.arrivals} times` : ''}`,
        ],
        ['given up', letter.givenUpAt],
        ['subscriber', subscriber === '' ? 'unknown' : subscriber],
        ['cause', causeOf(letter)],
        ['answer', answerOf(letter)],
        ['event id', event.id],
        ['source', event.source],
        ['order', event.correlationid],
        ...Object.entries(headers),
      ],
      look,
    ),
    ...(fields.length > 0 ? [section('What is wrong with it', drawFaults(fields, look), look)] : []),
    ...(attempts.length > 0 ? [section('Attempts since', drawAttempts(attempts, look), look)] : []),
    section('Data', body, look),
    ...(letter.state === 'closed' ? [] : [section('Next', nextSteps(letter), look)]),
  ].join('\n');
}

function answerOf({ redacted, fields, reason }: WholeLetter): string {
  if (redacted) return 'confidential: reveal shows it';
  return fields.length > 0 ? cut(reason, 80) : reason;
}

/** The fields' messages are missing where they are confidential. */
function drawFaults(fields: WholeLetter['fields'], look: Look): string {
  return drawFields(
    fields.map(({ field, message }) => [field, message || 'confidential']),
    look,
  ).replace(/^ {2}/gm, '');
}

function drawAttempts(attempts: WholeLetter['attempts'], look: Look): string {
  return table<WholeLetter['attempts'][number]>(
    [
      { title: 'AT (UTC)', of: ({ at }) => dayAndClock(at) },
      { title: 'BY', of: ({ by }) => (by === 'redrive' ? by : 'replay') },
      { title: 'TOOK', of: ({ tookMs }) => span(tookMs), right: true },
      { title: 'ANSWER', of: (each) => (each.code === null ? 'taken' : drawAnswer(each)), least: 20 },
    ],
    attempts,
    { ...look, width: look.width - 2 },
  );
}

function nextSteps({ id, cause, redacted }: WholeLetter): string {
  const reveal = redacted ? [`${COMMAND} dead-letters reveal ${id} --reason '…'`] : [];
  const replay =
    cause === 'unreadable' ? [] : [`${COMMAND} replay ${id} --reason '…'   (once the cause is mended)`];
  return [...reveal, ...replay, `${COMMAND} discard ${id} --reason '…'`].join('\n');
}

const UNANSWERED: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'tokenless']);

/** With the status that the subscriber answered; where it answered nothing, brokers make one up. */
function causeOf({ cause, code }: Pick<Letter, 'cause' | 'code'>): string {
  const answered = code !== null && code > 0 && !UNANSWERED.has(cause);
  return answered ? `${cause} (${code})` : cause;
}

function stateOf({ state, outcome }: Pick<Letter, 'state' | 'outcome'>): string {
  return state === 'closed' ? (outcome ?? state) : state;
}

const IN_WORDS: Readonly<Record<string, string>> = {
  waiting: 'waiting to be delivered again by itself',
  held: 'held for a person',
};

function stateInWords(letter: WholeLetter, now: Date): string {
  const state = stateOf(letter);
  const next = state === 'waiting' ? [nextAttempt(letter.nextAttemptAt, now)] : [];
  return [IN_WORDS[state] ?? state, ...next].join(', ');
}

function nextAttempt(instant: string | undefined, now: Date): string {
  if (instant === undefined) return 'as soon as its subscriber answers';
  const ms = Date.parse(instant) - now.getTime();
  return ms > 0 ? `in ${span(ms)}` : 'now';
}
