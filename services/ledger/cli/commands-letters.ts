import {
  discarded,
  groups,
  letter,
  revealed,
  wholeLetter,
  type Revealed,
  type WholeLetter,
} from './answers.ts';
import { bodyOf } from './body.ts';
import { explain } from '../words.ts';
import { contextOf, type Look } from './context.ts';
import { section } from './draw-events.ts';
import { drawGroups, drawLetter, drawLetters } from './draw-letters.ts';
import { drawDryRun } from './draw-replays.ts';
import { examples, options, positive, type Root } from './options.ts';
import { reasonOf, selectLetters } from './selection.ts';
import { count } from './text.ts';

export function addLetterCommands(root: Root): void {
  const letters = addGroups(root);
  addList(letters);
  addShow(letters);
  addReveal(letters);
  addDiscard(root);
}

function addGroups(root: Root) {
  return root
    .command('dead-letters')
    .description('groups what could not be delivered by subscriber, type and cause, and says what to do')
    .addHelpText(
      'after',
      examples(
        ['dead-letters', 'what could not be delivered, and why'],
        ['dead-letters show 7', 'one of them'],
      ),
    )
    .action(async (_options, command) => {
      const { client, show } = contextOf(command.optsWithGlobals());
      const answer = await client.get('/api/dead-letters/groups', groups);
      show(answer, (calm, look) => drawGroups(calm.groups, look));
    });
}

type Letters = ReturnType<typeof addGroups>;

function addList(letters: Letters): void {
  letters
    .command('list')
    .description('lists dead letters, the newest first')
    .addOption(options.subscriber())
    .addOption(options.type())
    .addOption(options.cause())
    .addOption(options.order())
    .addOption(options.state())
    .addOption(options.since())
    .addOption(options.until())
    .addOption(options.limit())
    .addHelpText(
      'after',
      examples(
        ['dead-letters list --state held', 'those that wait for a person'],
        ['dead-letters list --order TW-4Q7K2M9XJ3PA', 'those of one order'],
      ),
    )
    .action(async ({ order, since, until, limit, ...filters }, command) => {
      const { client, show, json, note } = contextOf(command.optsWithGlobals());
      const query = { ...filters, correlation: order, from: since, to: until };
      const page = await client.list('/api/dead-letters', letter, query, limit);
      show(page, ({ items }, look) => drawLetters(items, look));
      if (page.next !== undefined && !json) note(`There are more; --limit ${limit * 5} shows some of them.`);
    });
}

function addShow(letters: Letters): void {
  letters
    .command('show')
    .description('shows one dead letter: why it died, what was tried since, its data, and what to do')
    .argument('<id>', 'its number', positive)
    .addHelpText('after', examples(['dead-letters show 7', 'all that is known of a dead letter']))
    .action(async (id, _options, command) => {
      const { client, show } = contextOf(command.optsWithGlobals());
      const answer = await client.get(`/api/dead-letters/${id}`, wholeLetter);
      show(answer, (calm, look) => drawLetter(calm, dataOf(answer), look));
    });
}

function dataOf(letter: WholeLetter): string {
  if (letter.erased) return 'erased: it was confidential, and is settled';
  return letter.redacted ? 'confidential: reveal shows it, and writes down who looked' : bodyOf(letter);
}

function addReveal(letters: Letters): void {
  letters
    .command('reveal')
    .description(
      'shows the data of a confidential dead letter, and what was answered; the audit log keeps who looked, and why',
    )
    .argument('<id>', 'its number', positive)
    .addOption(options.reason())
    .addOption(options.by())
    .addHelpText(
      'after',
      examples([
        "dead-letters reveal 7 --reason 'the customer asks where it went'",
        'what an address event says',
      ]),
    )
    .action(async (id, { by, ...signed }, command) => {
      const { client, show } = contextOf(command.optsWithGlobals());
      const answer = await client.post(`/api/dead-letters/${id}/reveal`, revealed, {
        reason: reasonOf(signed),
        by,
      });
      show(answer, (calm, look) => bodyOf(answer) + drawReason(calm, look));
    });
}

/** What was answered to it, below its data. */
function drawReason({ answer }: Revealed, look: Look): string {
  return answer === '' ? '' : `\n${section('Answer', explain(answer).reason, look)}`;
}

function addDiscard(root: Root): void {
  root
    .command('discard')
    .description('closes dead letters that nobody needs any more; they are delivered to nobody')
    .argument('[ids...]', 'numbers of dead letters')
    .addOption(options.subscriber())
    .addOption(options.type())
    .addOption(options.cause())
    .addOption(options.order())
    .addOption(options.since())
    .addOption(options.until())
    .addOption(options.all())
    .addOption(options.dryRun())
    .addOption(options.reason())
    .addOption(options.by())
    .addHelpText(
      'after',
      examples(
        ["discard 7 8 --reason 'sent by a test'", 'two of them'],
        ['discard --cause unreadable --dry-run', 'what would go'],
      ),
    )
    .action(async (ids, chosen, command) => {
      const { client, show } = contextOf(command.optsWithGlobals());
      const { dryRun = false, by } = chosen;
      const select = selectLetters(ids, chosen);
      const body = { select, until: chosen.until, reason: reasonOf(chosen), by, dryRun };
      const answer = await client.post('/api/dead-letters/discard', discarded, body);
      show(answer, (calm, look) =>
        dryRun
          ? drawDryRun('discarded', calm, look)
          : `${count(calm.discarded ?? 0, 'dead letter')} discarded; audit says by whom and why.`,
      );
    });
}
