import { describe, expect, it } from '@jest/globals';
import {
  CAUSES,
  causeOf,
  decodeAnswer,
  diagnose,
  passes,
  type Cause,
} from '../../../services/ledger/cause.ts';
import { readDeath } from '../../../services/ledger/death.ts';
import { isDeliverable } from '../../../services/ledger/letters.ts';
import { explain, wordsFor } from '../../../services/ledger/words.ts';

const BROKER = 'http://broker-ingress.knative-eventing.svc.cluster.local/shop/shop';
const DEST = 'http://payment.shop.svc.cluster.local/events';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** What Knative adds to a dead letter: the status, and the answer in base64. */
function error(code: string | undefined, answer?: string, dest = DEST): Record<string, string> {
  return {
    knativeerrordest: dest,
    ...(code === undefined ? {} : { knativeerrorcode: code }),
    ...(answer === undefined ? {} : { knativeerrordata: base64(answer) }),
  };
}

const refused =
  'dispatch error: Post "http://payment.shop.svc.cluster.local/events": dial tcp 10.97.214.13:80: connect: connection refused';
const noHost =
  'dispatch error: Post "http://payment/events": dial tcp: lookup payment on 10.96.0.10:53: no such host';
const eof = 'dispatch error: Post "http://payment.shop.svc.cluster.local/events": EOF';
const reset = 'dispatch error: read ECONNRESET';
const deadline =
  'dispatch error: Post "http://payment/events": context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
const slow = 'dispatch error: no answer within 5000 ms';
const dial = 'dispatch error: Post "http://payment/events": dial tcp 10.97.214.13:80: i/o timeout';

describe('The cause of a dead letter', () => {
  const table: readonly [string, Record<string, string>, Cause, boolean][] = [
    ['a refused connection', error('500', refused), 'unreachable', true],
    ['a host that is not known', error('500', noHost), 'unreachable', true],
    ['a connection that ended', error('500', eof), 'unreachable', true],
    ['a connection that was reset', error('500', reset), 'unreachable', true],
    [
      'no address at all',
      error('500', 'dispatch error: no address is known for service:payment'),
      'unreachable',
      true,
    ],
    ['no answer, as RabbitMQ says it', error('-1'), 'unreachable', true],
    ['no answer, as Kafka says it', error(undefined), 'unreachable', true],
    ['a deadline', error('500', deadline), 'timeout', true],
    ['no answer in time', error('500', slow), 'timeout', true],
    ['a connection that took too long', error('500', dial), 'timeout', true],
    ['503', error('503', 'starting'), 'overloaded', true],
    ['429', error('429'), 'overloaded', true],
    ['500 with an answer', error('500', '{"error":"database is locked"}'), 'failed', true],
    ['500 whose answer speaks of a timeout', error('500', 'query timeout'), 'failed', true],
    ['502', error('502', 'OK'), 'failed', true],
    ['404', error('404'), 'missing', true],
    ['408', error('408'), 'missing', true],
    ['409', error('409'), 'missing', true],
    ['401', error('401'), 'forbidden', false],
    ['403', error('403'), 'forbidden', false],
    ['400', error('400'), 'refused', false],
    ['413', error('413'), 'refused', false],
    ['422', error('422'), 'refused', false],
    ['a redirect', error('302'), 'refused', false],
    ['a success that was none', error('200', 'OK'), 'refused', false],
    ['nothing said', {}, 'unknown', true],
    ['a reply that was refused', error('400', '', BROKER), 'reply', false],
    ['a reply of somebody without permission', error('403', '', BROKER), 'reply', false],
    ['a reply to a broker that was away', error('503', '', `${BROKER}/`), 'reply', true],
    ['a reply to nobody', error('500', refused, BROKER), 'reply', true],
    ['a code that is no number', error('EOF'), 'unreachable', true],
  ];

  it.each(table)('%s', (_name, attributes, cause, passing) => {
    const diagnosis = diagnose(attributes, BROKER);
    expect(diagnosis.cause).toBe(cause);
    expect(passes(diagnosis)).toBe(passing);
    expect(diagnosis.subscriber).toBe(attributes['knativeerrordest'] ?? '');
  });

  it('is told without a broker being known', () => {
    expect(diagnose(error('400', '', BROKER), undefined).cause).toBe('refused');
  });

  it('is taken from what the broker says, wherever it says nothing of a receiver', () => {
    expect(diagnose({ knativeerrorcode: '422' }, BROKER)).toMatchObject({
      cause: 'refused',
      subscriber: '',
      code: 422,
    });
  });

  it('is the same for an attempt of our own', () => {
    expect(causeOf(500, 'dispatch error: connect ECONNREFUSED 127.0.0.1:8082')).toBe('unreachable');
    expect(causeOf(500, 'dispatch error: Connect Timeout Error')).toBe('timeout');
    expect(causeOf(500, 'boom')).toBe('failed');
  });
});

describe('An answer', () => {
  const problem = JSON.stringify({
    type: 'about:blank',
    title: 'Invalid content',
    status: 422,
    detail: 'data does not fit order.placed: lines[0].quantity must be 1 or more',
    errors: [{ field: 'lines[0].quantity', message: 'must be 1 or more' }],
  });

  it('of a problem document is its sentence and its fields', () => {
    expect(explain(decodeAnswer(base64(problem)))).toEqual({
      reason: 'data does not fit order.placed: lines[0].quantity must be 1 or more',
      fields: [{ field: 'lines[0].quantity', message: 'must be 1 or more' }],
    });
  });

  it.each(Array.from({ length: 40 }, (_, index) => 200 + index * 4))(
    'is explained when it is cut after %i characters of base64',
    (length) => {
      const { reason, fields } = explain(decodeAnswer(base64(problem).slice(0, length)));
      expect(reason).toMatch(/^data does not fit|^Invalid content$/);
      for (const { field } of fields) expect(field).toBe('lines[0].quantity');
    },
  );

  it('keeps the fields that were there before the cut', () => {
    const long = JSON.stringify({
      detail: 'two fields',
      errors: [
        { field: 'a "quoted" one', message: 'must be there' },
        { field: 'b', message: 'x'.repeat(2000) },
      ],
    });
    const { reason, fields } = explain(decodeAnswer(base64(long).slice(0, 1024)));
    expect(reason).toBe('two fields');
    expect(fields.map(({ field }) => field)).toEqual(['a "quoted" one', 'b']);
  });

  it('may be cut in the middle of a character, or of its base64', () => {
    expect(decodeAnswer(base64('Größe').slice(0, 4))).toBe('Gr');
    expect(decodeAnswer(base64('Größe passt nicht').slice(0, 11))).toBe('Größe ');
  });

  it('that never was base64 is taken as it stands', () => {
    expect(decodeAnswer('unauthorized')).toBe('unauthorized');
    expect(decodeAnswer('no such order: TW-1')).toBe('no such order: TW-1');
  });

  it('moves no cursor and is no novel', () => {
    expect(decodeAnswer(base64('\u001b[2Jdone'))).toBe('\uFFFD[2Jdone');
    expect(decodeAnswer(base64('x'.repeat(10_000)))).toHaveLength(2000);
  });

  it('that is other JSON, or text, is shown as it is', () => {
    expect(explain('{"error":"database is locked"}').reason).toBe('{"error":"database is locked"}');
    expect(explain(' starting \n')).toEqual({ reason: 'starting', fields: [] });
    expect(explain('{').reason).toBe('{');
  });
});

describe('The words for people', () => {
  const told = { code: 500, subscriber: DEST, outcome: null, givenUpAt: null };

  it.each(CAUSES.map((cause) => [cause]))('say what happened and what follows: %s', (cause) => {
    for (const state of ['waiting', 'held'] as const) {
      const words = wordsFor({ ...told, cause, state });
      expect(words).toMatch(/^[A-Zp].*\. .*\.$/);
      expect(words).not.toMatch(/undefined|null/);
    }
  });

  it('name the service, the status and what to do', () => {
    expect(wordsFor({ ...told, cause: 'refused', code: 422, state: 'held' })).toBe(
      'payment refused this event (422). It would be refused again, so it waits for you: mend the receiver and replay it, or discard it when it is worthless.',
    );
    expect(
      wordsFor({
        ...told,
        cause: 'unreachable',
        state: 'waiting',
        subscriber: 'http://127.0.0.1:8082/events',
      }),
    ).toBe(
      '127.0.0.1:8082 could not be reached. It is delivered again by itself, as soon as 127.0.0.1:8082 takes it; nothing has to be done but to bring that back.',
    );
  });

  it('tell that an address was too long to be kept, and nothing is sent to what is left of it', () => {
    const whole = `http://${'a'.repeat(494)}.svc/events`;
    const headers = {
      'ce-specversion': ['1.0'],
      'ce-id': ['1'],
      'ce-source': ['/test'],
      'ce-type': ['test.happened.v1'],
      'ce-knativeerrordest': [`${whole}/elsewhere`],
      'ce-knativeerrorcode': ['503'],
    };
    const hosts = ['*.svc'];
    expect(isDeliverable({ subscriber: whole, cause: 'overloaded' }, hosts)).toBe(true);
    const death = readDeath(headers, Buffer.alloc(0), { broker: BROKER, hosts });
    expect(Buffer.byteLength(death.subscriber)).toBe(512);
    expect(isDeliverable(death, hosts)).toBe(false);
    expect(death.state).toBe('held');
    expect(wordsFor({ ...told, ...death })).toContain('longer than what is kept');
  });

  it('tell a letter that was given up from one whose address is not allowed', () => {
    const held = { ...told, cause: 'unreachable', state: 'held' } as const;
    expect(wordsFor({ ...held, givenUpAt: '2026-11-23T10:32:09.342Z' })).toContain('REDRIVE_MAX_AGE');
    expect(wordsFor(held)).toContain('REDRIVE_HOSTS');
  });
});
