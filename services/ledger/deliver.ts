import { DeliveryClient } from '../../platform/delivery/client.ts';
import type { Failed, Outcome } from '../../platform/delivery/outcome.ts';
import { toBinary, type HttpMessage, type WireEvent } from '../../platform/cloudevents.ts';
import { REPLAY_HEADER } from '../../platform/replay.ts';
import type { Sink } from '../../platform/sink.ts';
import { messageOf } from '../../platform/errors.ts';
import type { SubscriberTokens } from './subscriber-tokens.ts';
import { isAllowed } from './targets.ts';

/**
 * Where an event goes: to one subscriber, or through the broker to whoever wants it. An address that is only `claimed`,
 * by a dead letter, gets nothing unless it is an event door of a host among `REDRIVE_HOSTS`.
 */
export type Target =
  { readonly kind: 'subscriber' | 'claimed'; readonly url: string } | { readonly kind: 'broker' };

/** What came of a delivery. */
export type Delivery = Outcome & {
  /** The subscriber took the event, but its reply was not taken by the broker. */
  readonly failedReply?: true;
};

interface DelivererOptions {
  readonly sink: Sink | undefined;
  readonly timeoutMs: number;
  readonly hosts: readonly string[];
  readonly tokens: SubscriberTokens;
}

/** What an earlier failure has left on an event, and what the broker counts. */
const TRANSPORT = new Set(['knativeerrordest', 'knativeerrorcode', 'knativeerrordata', 'knativebrokerttl']);

/** An event as its emitter said it: what brokers have added is no part of it. */
export function asSaid({ attributes, data }: WireEvent): WireEvent {
  return {
    attributes: Object.fromEntries(Object.entries(attributes).filter(([name]) => !TRANSPORT.has(name))),
    data,
  };
}

/** Brings kept events to where they belong: the same event, with the same source and id. */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #toSubscribers = new DeliveryClient();
  readonly #toSink: DeliveryClient;

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#toSink = new DeliveryClient(options.sink?.ca);
  }

  /** One attempt. @param replay its id, told to whoever gets the event. */
  async deliver(target: Target, event: WireEvent, replay?: string): Promise<Delivery> {
    if (target.kind === 'broker') return this.#toBroker(event, replay);
    const { hosts, timeoutMs, tokens } = this.#options;
    if (target.kind === 'claimed' && !isAllowed(target.url, hosts)) return notAllowed(target.url);
    const url = new URL(target.url);
    let token: Readonly<Record<string, string>>;
    try {
      token = tokens.headersFor(url);
    } catch (error) {
      return unsent(messageOf(error));
    }
    const message = toMessage(event, { ...markOf(replay), ...token, prefer: 'reply' });
    const outcome = await this.#toSubscribers.post(url, message, timeoutMs);
    if (!outcome.delivered || !outcome.reply) return outcome;
    // What it answered goes where its answers always go; if that fails, the whole delivery has failed.
    const passedOn = await this.#toBroker(outcome.reply, replay);
    return passedOn.delivered ? passedOn : { ...passedOn, presence: 'answered', failedReply: true };
  }

  /** Ends what is at work. */
  async close(): Promise<void> {
    await Promise.all([this.#toSubscribers.destroy(), this.#toSink.destroy()]);
  }

  async #toBroker(event: WireEvent, replay: string | undefined): Promise<Outcome> {
    const { sink } = this.#options;
    if (!sink) return unsent('K_SINK is not set: there is no broker to post to');
    const message = toMessage(event, { ...markOf(replay), ...sink.token.headers() });
    const outcome = await this.#toSink.post(new URL(sink.url), message, sink.timeoutMs);
    return outcome.delivered ? { delivered: true } : outcome;
  }
}

function toMessage(event: WireEvent, more: Readonly<Record<string, string>>): HttpMessage {
  const { headers, body } = toBinary(asSaid(event));
  return { headers: { ...headers, ...more }, body };
}

function markOf(replay: string | undefined): Record<string, string> {
  return replay === undefined ? {} : { [REPLAY_HEADER]: replay };
}

function unsent(reason: string): Failed {
  const data = Buffer.from(`dispatch error: ${reason}`).toString('base64');
  return { delivered: false, code: 500, data, retry: true, presence: 'absent' };
}

function notAllowed(url: string): Failed {
  const data = Buffer.from(`not sent: ${url} is no event door of a host among REDRIVE_HOSTS`).toString(
    'base64',
  );
  return { delivered: false, code: 403, data, retry: false, presence: 'answered' };
}
