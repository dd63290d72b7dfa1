import { keptEvent, tree, treeNews, wholeEvent } from './answers.ts';
import { contextOf, type Context } from './context.ts';
import { bodyOf, shellText } from './body.ts';
import { drawEvent, drawList, drawTail } from './draw-events.ts';
import { drawNews, drawTree } from './draw-tree.ts';
import { follow } from './follow.ts';
import { untilInterrupted } from './interrupt.ts';
import { examples, options, type Root } from './options.ts';

export function addEventCommands(root: Root): void {
  addTail(root);
  addList(root);
  addShow(root);
  addTree(root);
}

function addTail(root: Root): void {
  root
    .command('tail')
    .description('shows events as they happen, until Ctrl-C')
    .addOption(options.type())
    .addOption(options.source())
    .addOption(options.subject())
    .addOption(options.order())
    .addOption(options.since())
    .addHelpText(
      'after',
      examples(
        ['tail', 'everything, from now on'],
        ['tail --type payment.declined --since 1h', 'declined payments of the last hour and those to come'],
      ),
    )
    .action(async ({ order, since, ...filters }, command) => {
      const context = contextOf(command.optsWithGlobals());
      const query = { ...filters, correlation: order, after: since && (await lastBefore(context, since)) };
      await untilInterrupted(async (signal) => {
        const following = {
          path: '/api/events/stream',
          query,
          schema: keptEvent,
          signal,
          onConnection: notice(context),
        };
        for await (const event of follow(context.client, following)) context.showLine(event, drawTail);
      });
    });
}

/** The number of the newest event that was kept before an instant; 0: all were kept later. */
async function lastBefore({ client }: Context, instant: string): Promise<number> {
  const { items } = await client.list('/api/events', keptEvent, { to: instant }, 1);
  return items[0]?.seq ?? 0;
}

function addList(root: Root): void {
  root
    .command('list')
    .description('lists kept events, the newest first')
    .addOption(options.type())
    .addOption(options.source())
    .addOption(options.subject())
    .addOption(options.order())
    .addOption(options.since())
    .addOption(options.until())
    .addOption(options.limit())
    .addHelpText(
      'after',
      examples(
        ['list', 'the last 20 events'],
        ['list --order TW-4Q7K2M9XJ3PA', 'all that happened to one order'],
        [
          'list --source payment --since 2h --until 1h',
          'what payment said between two hours and one hour ago',
        ],
      ),
    )
    .action(async ({ order, since, until, limit, ...filters }, command) => {
      const { client, show, json, note } = contextOf(command.optsWithGlobals());
      const query = { ...filters, correlation: order, from: since, to: until };
      const page = await client.list('/api/events', keptEvent, query, limit);
      show(page, ({ items }, look) => drawList(items, look));
      if (page.next !== undefined && !json) note(`There are more; --limit ${limit * 5} shows some of them.`);
    });
}

function addShow(root: Root): void {
  root
    .command('show')
    .description('shows one event: attributes, data, and the curl that posts it again')
    .argument('<event id>', 'as list and tail print it')
    .addOption(options.source())
    .addHelpText(
      'after',
      examples(['show 01993a6e-4f5e-7c1b-9d59-3d2f6f1f7a01', 'all that is known of an event']),
    )
    .action(async (id, { source }, command) => {
      const { client, show } = contextOf(command.optsWithGlobals());
      const event = await client.get(`/api/events/${encodeURIComponent(id)}`, wholeEvent, { source });
      show(event, (calm, look) => drawEvent(calm, bodyOf(event), shellText(event.curl), look));
    });
}

function addTree(root: Root): void {
  root
    .command('tree')
    .description('draws what led to what in the story of an order')
    .argument('<order id>', 'or another correlationid')
    .option('--follow', 'go on with what happens next, until Ctrl-C')
    .addHelpText(
      'after',
      examples(
        ['tree TW-4Q7K2M9XJ3PA', 'the story of an order so far'],
        ['tree TW-4Q7K2M9XJ3PA --follow', 'and as it goes on'],
      ),
    )
    .action(async (order, options, command) => {
      const context = contextOf(command.optsWithGlobals());
      const path = `/api/trees/${encodeURIComponent(order)}`;
      if (!options.follow) {
        context.show(await context.client.get(path, tree), drawTree);
        return;
      }
      await untilInterrupted(async (signal) => {
        const following = {
          path: `${path}/stream`,
          query: {},
          schema: treeNews,
          signal,
          onConnection: notice(context),
        };
        for await (const event of follow(context.client, following)) context.showLine(event, drawNews);
      });
    });
}

function notice({ note }: Context): (state: 'lost' | 'back') => void {
  return (state) =>
    note(
      state === 'lost'
        ? 'The connection to the ledger is lost; trying again …'
        : 'The ledger is back; going on.',
    );
}
