import { setTimeout as sleep } from 'node:timers/promises';
import { auditEntry, dryRun as dryRunAnswer, replay, wholeReplay, type WholeReplay } from './answers.ts';

import { contextOf, type Context } from './context.ts';
import { drawAudit, drawDryRun, drawProgress, drawReplay, drawReplays } from './draw-replays.ts';
import { Failure } from './failure.ts';
import { untilInterrupted } from './interrupt.ts';
import { examples, options, positive, type Root } from './options.ts';
import { reasonOf, selectEvents, selectLetters } from './selection.ts';
import { calm } from './text.ts';

export function addReplayCommands(root: Root): void {
  addReplay(root);
  addList(root);
  addStatus(root);
  addCancel(root);
  addAudit(root);
}

function addReplay(root: Root): void {
  root
    .command('replay')
    .description(
      'delivers dead letters again, or kept events; receivers that know an event already ignore it',
    )
    .argument('[ids...]', 'numbers of dead letters; with --events ids of events')
    .option('--events', 'kept events instead of dead letters')
    .addOption(options.subscriber())
    .addOption(options.cause())
    .addOption(options.type())
    .addOption(options.source())
    .addOption(options.subject())
    .addOption(options.order())
    .addOption(options.since())
    .addOption(options.until())
    .addOption(options.all())
    .option('--to <target>', 'broker, or one service by name (default: who failed; for --events the broker)')
    .option('--rate <number>', 'events per second', positive, 50)
    .addOption(options.dryRun())
    .option('--follow', 'show the progress until it is done')
    .addOption(options.reason())
    .addOption(options.by())
    .addHelpText(
      'after',
      examples(
        ["replay 7 --reason 'payment is mended'", 'one dead letter, to the subscriber that failed'],
        [
          "replay --type order.placed --cause refused --reason 'payment is mended' --follow",
          'a group of them',
        ],
        ['replay --events --since 1h --to inventory --dry-run', 'what inventory would get again'],
      ),
    )
    .action(async (ids, chosen, command) => {
      const context = contextOf(command.optsWithGlobals());
      const { events, dryRun = false, to, rate, until, by } = chosen;
      const what = events
        ? { of: 'events', select: selectEvents(ids, chosen) }
        : { of: 'dead-letters', select: selectLetters(ids, chosen) };
      const body = { ...what, to, rate, until, dryRun, reason: reasonOf(chosen), by };
      if (dryRun) {
        const answer = await context.client.post('/api/replays', dryRunAnswer, body);
        context.show(answer, (calm, look) => drawDryRun('delivered again', calm, look));
        return;
      }
      const begun = await context.client.post('/api/replays', wholeReplay, body);
      if (chosen.follow) await followReplay(context, begun.id);
      else context.show(begun, drawReplay);
    });
}

function addList(root: Root): void {
  root
    .command('replays')
    .description('lists replays, the newest first')
    .addOption(options.limit())
    .addHelpText('after', examples(['replays', 'the last 20 of them']))
    .action(async ({ limit }, command) => {
      const { client, show } = contextOf(command.optsWithGlobals());
      show(await client.list('/api/replays', replay, {}, limit), ({ items }, look) =>
        drawReplays(items, look),
      );
    });
}

function addStatus(root: Root): void {
  root
    .command('replay-status')
    .description('shows how far a replay is, and what was refused again')
    .argument('<id>', 'as replay and replays print it')
    .option('--follow', 'show the progress until it is done')
    .addHelpText(
      'after',
      examples(['replay-status 01993a6e-4f5e-7c1b-9d59-3d2f6f1f7a01 --follow', 'until it is done']),
    )
    .action(async (id, { follow }, command) => {
      const context = contextOf(command.optsWithGlobals());
      if (follow) await followReplay(context, id);
      else context.show(await statusOf(context, id), drawReplay);
    });
}

function addCancel(root: Root): void {
  root
    .command('cancel')
    .description('ends a replay early; what was sent stays sent')
    .argument('<id>', 'as replay and replays print it')
    .addOption(options.reason())
    .addOption(options.by())
    .addHelpText(
      'after',
      examples(["cancel 01993a6e-4f5e-7c1b-9d59-3d2f6f1f7a01 --reason 'the wrong service'", 'stop it']),
    )
    .action(async (id, { by, ...signed }, command) => {
      const { client, show } = contextOf(command.optsWithGlobals());
      const path = `/api/replays/${encodeURIComponent(id)}/cancel`;
      show(await client.post(path, wholeReplay, { reason: reasonOf(signed), by }), drawReplay);
    });
}

function addAudit(root: Root): void {
  root
    .command('audit')
    .description('lists who replayed, cancelled, discarded or revealed what, and why')
    .addOption(options.limit())
    .addHelpText('after', examples(['audit', 'the last 20 acts']))
    .action(async ({ limit }, command) => {
      const { client, show } = contextOf(command.optsWithGlobals());
      show(await client.list('/api/audit', auditEntry, {}, limit), ({ items }, look) =>
        drawAudit(items, look),
      );
    });
}

const LOOK_EVERY_MS = 500;

/** Shows how a replay gets on until it ends. @throws Failure when something was refused again. */
async function followReplay(context: Context, id: string): Promise<void> {
  let status = await statusOf(context, id);
  await untilInterrupted(async (signal) => {
    for (let shown = ''; isActive(status) && !signal.aborted; status = await statusOf(context, id)) {
      const progress = drawProgress(calm(status));
      if (progress !== shown) context.note(progress);
      shown = progress;
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  });
  context.show(status, drawReplay);
  if (status.refused > 0) throw new Failure(`${status.refused} of ${status.total} were refused again`);
}

function statusOf({ client }: Context, id: string): Promise<WholeReplay> {
  return client.get(`/api/replays/${encodeURIComponent(id)}`, wholeReplay);
}

function isActive({ state }: WholeReplay): boolean {
  return state === 'running' || state === 'waiting';
}
