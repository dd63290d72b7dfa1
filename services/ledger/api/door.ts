import type { IncomingMessage } from 'node:http';
import { Problem, problems } from '../../../platform/errors.ts';
import { readBody } from '../../../platform/http/body.ts';
import { routeFor, type RouteContext } from '../../../platform/http/route.ts';
import { bury, type Burial } from '../bury.ts';
import { readDeath, type Death } from '../death.ts';
import type { Deps } from '../deps.ts';
import { wordsFor } from '../words.ts';

const route = routeFor<never, Deps>();
type Context = RouteContext<never, Deps>;

/** Nothing is turned away that can be kept and comes from who may bring it: a broker that gives a dead letter up has lost the event. */
export const takeDeadLetter = route({
  method: 'post',
  path: '/dead-letters',
  summary: 'Where a broker brings what it could not deliver, as a CloudEvent or as whatever else it is',
  auth: 'event',
  responses: {
    204: { description: 'it is on disk' },
    401: { description: 'it comes without a valid token, where OIDC_ISSUER asks for one' },
    403: { description: 'it comes from somebody whom OIDC_SUBJECTS does not name' },
    413: { description: 'it is longer than MAX_DEAD_LETTER_BYTES' },
    503: { description: 'it cannot be kept just now; send it again' },
  },
  async handle({ raw }, context) {
    try {
      await take(raw, context);
      return { status: 204 };
    } catch (error) {
      if (error instanceof Problem && (error.status === 413 || error.status === 503)) throw error;
      context.log.error({ err: error }, 'a dead letter could not be kept');
      throw problems.unavailable('the dead letter could not be kept; send it again', error);
    }
  },
});

async function take(request: IncomingMessage, context: Context): Promise<void> {
  const { settings, arriving, brokerUrl } = context.deps;
  const limit = settings.MAX_DEAD_LETTER_BYTES;
  // Whoever does not say how much it will be may send the most there can be.
  const announced = Number(request.headers['content-length'] ?? limit);
  const size = announced > limit ? 0 : announced;
  if (!arriving.tryTake(size)) throw problems.unavailable('too many dead letters at once; send it again');
  try {
    const body = await readBody(request, limit);
    const death = readDeath(request.headersDistinct, body, {
      broker: brokerUrl,
      hosts: settings.REDRIVE_HOSTS,
    });
    await keep(death, context);
  } finally {
    arriving.give(size);
  }
}

function keep(death: Death, { deps, commit, log }: Context): Promise<void> {
  return commit(async (tx, { now }) => {
    const burial = await bury(tx, death, now, deps.settings.REDRIVE_BACKOFF);
    tx.afterCommit(() => {
      if (burial.news !== 'known') log.warn(lineOf(death, burial), 'dead letter');
      if (burial.state === 'waiting') deps.redriver.wake(death.subscriber, burial);
    });
    return [undefined, {}] as const;
  });
}

function lineOf(death: Death, { seq, state }: Burial): Record<string, unknown> {
  const { subscriber, cause, attributes } = death;
  return {
    letter: seq,
    eventId: attributes?.['id'],
    type: attributes?.['type'],
    correlationId: attributes?.['correlationid'],
    subscriber,
    cause,
    words: wordsFor({ ...death, state, outcome: null, givenUpAt: null }),
  };
}
