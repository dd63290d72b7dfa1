import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseEvent, isJson, type WireEvent } from './cloudevents.ts';
import type { EventContract } from './contract.ts';
import { storeEffects, type Left } from './emit.ts';
import { fieldErrors, Problem, problems } from './errors.ts';
import { readBody } from './http/body.ts';
import { asProblem, MAX_EVENT_PROBLEM_BYTES, respondProblem } from './http/respond.ts';
import { parseJson } from './json.ts';
import type { Log } from './log.ts';
import type { ServiceMetrics } from './metrics.ts';
import type { EventGuard } from './oidc/guard.ts';
import { replayOf } from './replay.ts';
import type { Received, Scope, Subscription, Tap } from './service.ts';
import { writeOrRetry } from './store/documents.ts';
import { admit } from './store/inbox.ts';
import type { Store } from './store/store.ts';
import { processing } from './trace/spans.ts';
import type { Span, Tracing } from './trace/tracing.ts';

/** What taking events in needs of its service. */
export interface IntakeOptions<Deps> {
  readonly store: Store;
  readonly handles: readonly Subscription<EventContract, Deps>[];
  readonly taps: readonly Tap<Deps>[];
  /** Asks for a token before anything is read; `undefined`: whoever comes may bring events. */
  readonly guard: EventGuard | undefined;
  readonly contracts: ReadonlyMap<string, EventContract>;
  readonly scope: () => Scope<Deps>;
  readonly log: Log;
  readonly metrics: ServiceMetrics;
  readonly tracing: Tracing;
  readonly maxBodyBytes: number;
  /** More events than this at work at once: answer 503 and let the broker come back. */
  readonly maxInFlight: number;
  /**
   * Answered instead of any 4xx, for brokers that drop what is refused with one. 401 and 403 are no exception: a wrong
   * audience would else lose every event without a trace. Log and metrics keep the reason.
   */
  readonly poisonStatus?: number | undefined;
  /** Called after a transaction with what it left to do. */
  readonly onCommit: (left: Left) => void;
}

/** An index row of PostgreSQL takes 2,704 bytes, and the inbox has `source` and `id` in one. */
const MAX_KEY_BYTES = 1024;

/** What became of an event. */
export type Outcome = 'handled' | 'ignored' | 'duplicate' | 'not_of_interest';

interface Decided {
  readonly outcome: Outcome;
  readonly left?: Left;
}

/**
 * `POST /events`: reads a CloudEvent, checks it and its data, and handles it once, whatever the number of deliveries.
 * Answers 204 without a body for everything that is settled, 401 or 403 to whoever may not bring events, 400 or 422
 * for what can never be handled, 413, and 503 for what should come again. Never 404 or 409, which Knative retries, and
 * never a body with a 2xx.
 */
export class Intake<Deps> {
  readonly #options: IntakeOptions<Deps>;
  readonly #byType = new Map<string, Subscription<EventContract, Deps>[]>();
  #inFlight = 0;

  constructor(options: IntakeOptions<Deps>) {
    this.#options = options;
    for (const subscription of options.handles) {
      const { type } = subscription.contract;
      this.#byType.set(type, [...(this.#byType.get(type) ?? []), subscription]);
    }
  }

  /** Answers one delivery. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { guard, log, metrics, maxBodyBytes, maxInFlight } = this.#options;
    const stop = metrics.handling.startTimer();
    this.#inFlight += 1;
    let event: WireEvent | undefined;
    try {
      if (this.#inFlight > maxInFlight) throw problems.unavailable('too many events at once; try again');
      await guard?.admit(request.headers.authorization);
      event = parseEvent(request.headersDistinct, await readBody(request, maxBodyBytes));
      const outcome = await this.handle(event, replayOf(request.headers));
      metrics.events.inc({ type: this.#labelOf(event), outcome });
      response.writeHead(204).end();
    } catch (error) {
      const problem = asProblem(error, log);
      metrics.events.inc({ type: this.#labelOf(event), outcome: `refused_${problem.status}` });
      log.warn({ ...idsOf(event), status: problem.status, reason: problem.message }, 'event refused');
      respondProblem(response, this.#asAnswered(problem), MAX_EVENT_PROBLEM_BYTES);
    } finally {
      this.#inFlight -= 1;
      stop();
    }
  }

  /**
   * Handles one event in one transaction: inbox row, decision, state, outgoing events.
   * @param replay which replay brought it, if any.
   * @throws Problem 422 when its data breaks its schema.
   */
  async handle(event: WireEvent, replay?: string): Promise<Outcome> {
    const { log, tracing } = this.#options;
    const outcome = await tracing.span(processing(event.attributes), async (span) => {
      const subscription = this.#find(event);
      const became = subscription
        ? await this.#decide(subscription, receive(subscription.contract, event, replay), event, span)
        : await this.#tap(event, replay);
      span.set({ 'tradewind.event.outcome': became });
      return became;
    });
    log.debug({ ...idsOf(event), ...(replay ? { replay } : {}), outcome }, 'event');
    return outcome;
  }

  async #decide(
    subscription: Subscription<EventContract, Deps>,
    received: Received<EventContract>,
    event: WireEvent,
    span: Span,
  ): Promise<Outcome> {
    const { store, contracts, scope: makeScope, log, onCommit } = this.#options;
    const cause = { causationId: received.id, ...span.cause };
    const { outcome, left } = await writeOrRetry(store, async (tx): Promise<Decided> => {
      const scope = makeScope();
      if (!(await admit(tx, received, scope.now))) return { outcome: 'duplicate' };
      const effects = await subscription.handle(tx, received, scope);
      const stored = await storeEffects(tx, contracts, effects, cause, scope.now);
      if (!effects.ignored) return { outcome: 'handled', left: stored };
      log.info({ ...idsOf(event), reason: effects.ignored }, 'event ignored');
      return { outcome: 'ignored', left: stored };
    });
    if (left) onCommit(left);
    return outcome;
  }

  async #tap(event: WireEvent, replay: string | undefined): Promise<Outcome> {
    const { store, scope, taps } = this.#options;
    const tap = taps.find(({ attributes }) => carries(event, attributes));
    if (!tap) return 'not_of_interest';
    refuseLongKeys(event.attributes);
    return store.write((tx) => tap.take(tx, event, scope(), replay));
  }

  #asAnswered(problem: Problem): Problem {
    const { poisonStatus } = this.#options;
    if (poisonStatus === undefined || problem.status >= 500) return problem;
    return new Problem(poisonStatus, problem.title, problem.message, problem);
  }

  #find(event: WireEvent): Subscription<EventContract, Deps> | undefined {
    const candidates = this.#byType.get(event.attributes['type'] ?? '') ?? [];
    return candidates.find(({ contract }) => carries(event, contract.attributes));
  }

  /** Only types on the card become labels: a stranger must not be able to fill the metrics. */
  #labelOf(event: WireEvent | undefined): string {
    const type = event?.attributes['type'] ?? '';
    return this.#byType.has(type) ? type : '';
  }
}

function carries({ attributes }: WireEvent, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => attributes[name] === value);
}

function receive(
  contract: EventContract,
  event: WireEvent,
  replay: string | undefined,
): Received<EventContract> {
  const { id = '', source = '', type = '', datacontenttype } = event.attributes;
  refuseLongKeys({ id, source });
  if (!isJson(datacontenttype)) {
    throw problems.malformed('the data of this event must be JSON', [
      { field: 'datacontenttype', message: `is "${datacontenttype ?? ''}"; send application/json` },
    ]);
  }
  const parsed = contract.schema.safeParse(parseData(event.data));
  if (parsed.success) return { id, source, type, data: parsed.data, ...(replay ? { replay } : {}) };
  const errors = fieldErrors(parsed.error.issues, 'data');
  throw problems.invalid(
    `data does not fit ${contract.name}: ${errors.map((error) => `${error.field} ${error.message}`).join('; ')}`,
    errors,
  );
}

function refuseLongKeys({ id = '', source = '' }: Readonly<Record<string, string>>): void {
  for (const [field, value] of Object.entries({ id, source })) {
    if (Buffer.byteLength(value) <= MAX_KEY_BYTES) continue;
    const message = `may have ${MAX_KEY_BYTES} bytes at most`;
    throw problems.malformed(`not a valid event: ${field} ${message}`, [{ field, message }]);
  }
}

function parseData(data: Buffer | undefined): unknown {
  if (!data) return undefined;
  try {
    return parseJson(data);
  } catch {
    throw problems.malformed('the data of this event is no JSON', [
      { field: 'data', message: 'must be JSON in UTF-8' },
    ]);
  }
}

function idsOf(event: WireEvent | undefined): Record<string, string | undefined> {
  if (!event) return {};
  const { id, source, type, subject, correlationid } = event.attributes;
  return { eventId: id, source, type, subject, correlationId: correlationid };
}
