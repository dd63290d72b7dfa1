import { Counter } from 'prom-client';
import { LiveStreams } from '../../platform/http/live.ts';
import { defineService } from '../../platform/service.ts';
import { Watermark } from '../../platform/store/watermark.ts';
import { listAudit } from './api/audit.ts';
import { downloadLetter, groupLetters, listLetters, showLetter } from './api/dead-letters.ts';
import { discardLetters } from './api/discard.ts';
import { listReplays, orderReplay, showReplay, stopReplay } from './api/replays.ts';
import { revealLetter } from './api/reveal.ts';
import { takeDeadLetter } from './api/door.ts';
import { downloadData, listEvents, showEvent, streamEvents } from './api/events.ts';
import { showTree, streamTree } from './api/trees.ts';
import { ByteBudget } from './bytes.ts';
import { Deliverer } from './deliver.ts';
import type { Deps } from './deps.ts';
import { givenUp, oldestSeconds, openSamples } from './letter-groups.ts';
import { migrations } from './migrations.ts';
import { pruneLetters } from './prune-letters.ts';
import { pruneReplays } from './prune-replays.ts';
import { Redriver } from './redriver.ts';
import { replaying } from './replay-run.ts';
import { archiveBytes, pruneArchive } from './prune.ts';
import { settings } from './settings.ts';
import { SubscriberTokens } from './subscriber-tokens.ts';
import { archiving } from './tap.ts';

/** Bodies of the longest dead letter that are in memory at once, on their way in and on their way out. */
const BODIES = 2;
/** For deliveries at work, at shutdown. */
const GRACE_MS = 1000;

export const ledger = defineService<never, typeof settings, Deps>({
  name: 'ledger',
  summary: 'Keeps every event that is not confidential; explains, redrives and replays dead letters.',
  portOffset: 6,
  handles: [],
  taps: [archiving],
  emits: [],
  tasks: [pruneArchive, pruneLetters, pruneReplays, replaying],
  routes: [
    listEvents,
    streamEvents,
    showEvent,
    downloadData,
    showTree,
    streamTree,
    takeDeadLetter,
    listLetters,
    groupLetters,
    discardLetters,
    showLetter,
    downloadLetter,
    revealLetter,
    orderReplay,
    listReplays,
    showReplay,
    stopReplay,
    listAudit,
  ],
  migrations,
  settings,
  gauges: {
    tradewind_ledger_store_bytes: {
      help: 'Bytes of attributes and data of the events kept.',
      read: (reader) => archiveBytes(reader),
    },
    tradewind_dead_letters_open: {
      help: 'Dead letters that wait to be delivered again, or for a person.',
      labels: ['subscriber', 'cause'],
      read: openSamples,
    },
    tradewind_dead_letters_oldest_seconds: {
      help: 'Age of the oldest open dead letter.',
      read: oldestSeconds,
    },
    tradewind_dead_letters_given_up: {
      help: 'Dead letters that were delivered again in vain for too long, and wait for a person.',
      read: givenUp,
    },
  },
  async open({ settings: own, store, log, now, closing, sink, registry }) {
    const tokens = new SubscriberTokens(own);
    for (const reason of tokens.missing()) log.warn({ reason }, 'its dead letters wait for their token');
    const { DELIVERY_TIMEOUT: timeoutMs, REDRIVE_HOSTS: hosts } = own;
    const deliverer = new Deliverer({ sink, timeoutMs, hosts, tokens });
    const redriven = new Counter({
      name: 'tradewind_dead_letters_redriven_total',
      help: 'Dead letters that have reached their subscribers by themselves.',
      registers: [registry],
    });
    const memory = new ByteBudget(BODIES * own.MAX_DEAD_LETTER_BYTES);
    const watermark = new Watermark(store.read, store.dialect, 'archive');
    await watermark.keepUp(own.LEDGER_POLL, closing);
    const onRedriven = (): void => redriven.inc();
    const redriver = new Redriver({ store, deliverer, settings: own, now, log, memory, onRedriven }, closing);
    return {
      settings: own,
      read: store.read,
      closing,
      brokerUrl: sink?.url,
      deliverer,
      live: new LiveStreams({
        max: own.LEDGER_STREAMS,
        poll: own.LEDGER_POLL,
        heartbeat: own.LEDGER_HEARTBEAT,
        closing,
      }),
      watermark,
      kept: new Counter({
        name: 'tradewind_ledger_kept_total',
        help: 'Events kept.',
        registers: [registry],
      }),
      arriving: new ByteBudget(BODIES * own.MAX_DEAD_LETTER_BYTES),
      redriver,
      async close() {
        await redriver.stop(GRACE_MS);
        // Ends what is still on its way; its letters stay as they are.
        await deliverer.close();
        await redriver.stop(GRACE_MS);
        await redriver.release();
      },
    };
  },
});
