import type { WireEvent } from '../../platform/cloudevents.ts';
import type { Reader } from '../../platform/store/store.ts';
import { wholeEvent } from './archive.ts';
import { ByteBudget } from './bytes.ts';
import { decodeAnswer } from './cause.ts';
import type { Delivery, Target } from './deliver.ts';
import type { Deps } from './deps.ts';
import { sideBySide } from './side-by-side.ts';
import { findLetter, isRedacted, targetOf } from './letters.ts';
import { judged, type Lane, type Replay, type Result } from './replay.ts';
import type { Picked } from './selection.ts';
import { doorOf } from './targets.ts';

/** Events of different partition keys on their way at once. */
const IN_FLIGHT = 8;
/** Nothing more is begun after this, so that progress is stored soon. */
const BATCH_MS = 5000;

/** Something picked, and where it goes: an address, or `broker`. */
export type Addressed = Picked & { readonly target: string };

/** Sends events of a replay, in order per partition key; to a receiver until one fails for a reason that may pass. */
export async function send(
  replay: Replay,
  lane: Lane,
  picked: readonly Addressed[],
  deps: Deps,
  now: Date,
): Promise<Result[]> {
  const results: Result[] = [];
  const stuck = new Set<string>();
  const started = performance.now();
  const memory = new ByteBudget(deps.settings.MAX_DEAD_LETTER_BYTES);
  await sideBySide(picked, laneOf, IN_FLIGHT, async (event) => {
    if (stuck.has(event.target)) return true;
    const at = new Date(now.getTime() + performance.now() - started);
    const tried = await memory.with(event.size, () => sendOne(replay, event, deps, at));
    const result = judged(lane, tried, deps.settings.REDRIVE_MAX_AGE);
    results.push(result);
    if (result.outcome === 'answered' || result.outcome === 'absent') stuck.add(event.target);
    return !deps.closing.aborted && performance.now() - started < BATCH_MS;
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
    target: nameOf(target),
    ...(outcome.delivered
      ? { code: null, answer: '' }
      : { code: outcome.code, answer: decodeAnswer(outcome.data) }),
    tookMs: Math.round(performance.now() - started),
  };
  const { arrivals, isRedacted: secret } = found;
  return { seq, arrivals, outcome: verdictOn(outcome), attempt, isRedacted: secret };
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
  readonly isRedacted: boolean;
  /** Where a dead letter belongs. */
  readonly origin?: Target;
}

/** Read one by one as they go: each may be large, and may be settled meanwhile. */
async function load(read: Reader, { selection: { of } }: Replay, seq: number): Promise<Loaded | undefined> {
  if (of === 'events') {
    const event = await wholeEvent(read, seq);
    return event && { event, arrivals: 0, isRedacted: false };
  }
  const letter = await findLetter(read, seq);
  const event = letter?.state === 'closed' ? undefined : letter?.event();
  if (!letter || !event) return undefined;
  return { event, arrivals: letter.arrivals, isRedacted: isRedacted(letter), origin: targetOf(letter) };
}

/** Where something picked goes. */
export function addressed({ to }: Replay, picked: Picked, { settings }: Deps): Addressed {
  const { subscriber = '', cause } = picked;
  const origin = targetOf({ subscriber, cause: cause === 'reply' ? cause : 'unknown' });
  const target = to === 'subscriber' ? origin : chosen(to, settings);
  return { ...picked, target: nameOf(target) };
}

function nameOf(target: Target): string {
  return target.kind === 'broker' ? 'broker' : target.url;
}

function targetFor({ to }: Replay, { origin }: Loaded, { settings }: Deps): Target {
  if (to === 'subscriber' && origin) return origin;
  return chosen(to, settings);
}

function chosen(to: string, settings: Deps['settings']): Target {
  return to === 'broker' ? { kind: 'broker' } : { kind: 'subscriber', url: doorOf(to, settings) };
}
