import type { WireEvent } from '../../platform/cloudevents.ts';
import type { Reader } from '../../platform/store/store.ts';
import { wholeEvent } from './archive.ts';
import { ByteBudget } from './bytes.ts';
import { decodeAnswer } from './cause.ts';
import type { Delivery, Target } from './deliver.ts';
import type { Deps } from './deps.ts';
import { sideBySide } from './side-by-side.ts';
import { findLetter, targetOf } from './letters.ts';
import type { Replay, Result } from './replay.ts';
import type { Picked } from './selection.ts';
import { doorOf } from './targets.ts';

/** Events of different partition keys on their way at once. */
const IN_FLIGHT = 8;
/** Nothing more is begun after this, so that progress is stored soon. */
const BATCH_MS = 5000;

/** Sends events of a replay, in order per partition key, until one fails for a reason that may pass. */
export async function send(
  replay: Replay,
  picked: readonly Picked[],
  deps: Deps,
  now: Date,
): Promise<Result[]> {
  const results: Result[] = [];
  const started = performance.now();
  const memory = new ByteBudget(deps.settings.MAX_DEAD_LETTER_BYTES);
  await sideBySide(picked, laneOf, IN_FLIGHT, async (event) => {
    const at = new Date(now.getTime() + performance.now() - started);
    const result = await memory.with(event.size, () => sendOne(replay, event, deps, at));
    results.push(result);
    const isStuck = result.outcome === 'answered' || result.outcome === 'absent';
    return !isStuck && !deps.closing.aborted && performance.now() - started < BATCH_MS;
  });
  return results;
}

function laneOf({ seq, partitionKey }: Picked): string {
  return partitionKey ?? `#${seq}`;
}

async function sendOne(replay: Replay, { seq, id, type }: Picked, deps: Deps, at: Date): Promise<Result> {
  const found = await load(deps.read, replay, seq);
  if (!found) return { seq, outcome: 'skipped' };
  const target = targetFor(replay, found, deps);
  const started = performance.now();
  const outcome = await deps.deliverer.deliver(target, found.event, replay.id);
  const attempt = {
    at: at.toISOString(),
    eventId: id,
    eventType: type,
    target: target.kind === 'broker' ? 'broker' : target.url,
    ...(outcome.delivered
      ? { code: null, answer: '' }
      : { code: outcome.code, answer: decodeAnswer(outcome.data) }),
    tookMs: Math.round(performance.now() - started),
  };
  return { seq, arrivals: found.arrivals, outcome: verdictOn(outcome), attempt };
}

function verdictOn(outcome: Delivery): 'sent' | 'refused' | 'answered' | 'absent' {
  if (outcome.delivered) return 'sent';
  if (!outcome.retry) return 'refused';
  // A reply that the broker did not take says nothing of the event; too many requests says nothing either.
  const isItsOwn = outcome.presence === 'answered' && !outcome.failedReply && outcome.code !== 429;
  return isItsOwn ? 'answered' : 'absent';
}

interface Loaded {
  readonly event: WireEvent;
  readonly arrivals: number;
  /** Where a dead letter belongs. */
  readonly origin?: Target;
}

/** Read one by one as they go: each may be large, and may be settled meanwhile. */
async function load(read: Reader, { selection: { of } }: Replay, seq: number): Promise<Loaded | undefined> {
  if (of === 'events') {
    const event = await wholeEvent(read, seq);
    return event && { event, arrivals: 0 };
  }
  const letter = await findLetter(read, seq);
  const event = letter?.state === 'closed' ? undefined : letter?.event();
  return letter && event && { event, arrivals: letter.arrivals, origin: targetOf(letter) };
}

function targetFor({ to }: Replay, { origin }: Loaded, { settings }: Deps): Target {
  if (to === 'subscriber' && origin) return origin;
  return to === 'broker' ? { kind: 'broker' } : { kind: 'subscriber', url: doorOf(to, settings) };
}
