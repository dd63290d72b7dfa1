import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen } from '../../../platform/http/listen.ts';

interface Intent {
  readonly id: string;
  readonly object: 'payment_intent';
  readonly amount: number;
  readonly currency: string;
  readonly metadata: Record<string, string>;
  status: 'requires_capture' | 'succeeded' | 'canceled';
  amount_received: number;
  refunded: number;
  readonly latest_charge: unknown;
  readonly customer: string | null;
  readonly payment_method: string;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface StripeCall {
  readonly path: string;
  readonly key: string;
  readonly form: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
}

/** How the next calls go wrong: no answer though the work is done, or an answer that says nothing about it. */
export type Trouble = 'hang_after_work' | 'cut_after_work' | 'error_500' | 'rate_limit' | 'key_in_use';

/** Speaks Stripe's API as far as payment uses it: form bodies, idempotency keys, and its shapes of errors. */
export interface StripeStandIn {
  readonly url: string;
  readonly intents: Map<string, Intent>;
  readonly calls: StripeCall[];
  /** One trouble per call to come that is about money, oldest first. */
  readonly troubles: Trouble[];
  close(): Promise<void>;
}

export const STRIPE_KEY = 'sk_test_stand_in';

const CUSTOMERS = '/v1/customers';
const DECLINES: Readonly<Record<string, string>> = {
  tok_chargeDeclined: 'generic_decline',
  tok_chargeDeclinedInsufficientFunds: 'insufficient_funds',
};

export async function openStripeStandIn(): Promise<StripeStandIn> {
  const intents = new Map<string, Intent>();
  const calls: StripeCall[] = [];
  const troubles: Trouble[] = [];
  const keys = new Map<string, { request: string; answer: Answer }>();
  const used = new Set<string>();
  /** Customers by the cards that are kept for them. */
  const attached = new Map<string, string>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const form = Object.fromEntries(new URLSearchParams(body));
    const path = request.url ?? '';
    const key = String(request.headers['idempotency-key'] ?? '');
    calls.push({ path, key, form, headers: request.headers });
    const trouble = path === CUSTOMERS ? undefined : troubles.shift();
    if (request.headers.authorization !== `Bearer ${STRIPE_KEY}`) return send(response, unauthorized());
    if (trouble === 'error_500') return send(response, problem(500, 'api_error'));
    if (trouble === 'rate_limit')
      return send(response, problem(429, 'rate_limit_error', { code: 'rate_limit' }));
    if (trouble === 'key_in_use') {
      return send(response, problem(409, 'idempotency_error', { code: 'idempotency_key_in_use' }));
    }
    const outcome = once(key, `${path} ${body}`, () => act(path, form));
    if (trouble === 'cut_after_work') response.destroy();
    else if (trouble !== 'hang_after_work') send(response, outcome);
  }

  function once(key: string, request: string, work: () => Answer): Answer {
    const before = keys.get(key);
    if (before && before.request !== request) return problem(400, 'idempotency_error');
    const answer = before?.answer ?? work();
    keys.set(key, { request, answer });
    return answer;
  }

  function act(path: string, form: Record<string, string>): Answer {
    if (path === '/v1/payment_intents') return create(form);
    if (path === CUSTOMERS) return ok({ id: newId('cus'), object: 'customer' });
    if (path === '/v1/refunds') return refund(form);
    const [, id = '', action] = /^\/v1\/payment_intents\/(\w+)\/(capture|cancel)$/.exec(path) ?? [];
    const intent = intents.get(id);
    if (!intent) return problem(404, 'invalid_request_error', { code: 'resource_missing', param: 'intent' });
    if (intent.status !== 'requires_capture') return unexpectedState(intent);
    intent.status = action === 'capture' ? 'succeeded' : 'canceled';
    if (action === 'capture') intent.amount_received = Number(form['amount_to_capture']);
    return ok({ ...intent });
  }

  function create(form: Record<string, string>): Answer {
    if (form['off_session'] === 'true') return createAgain(form);
    const token = form['payment_method'] ?? form['payment_method_data[card][token]'] ?? '';
    const declined = DECLINES[token];
    if (declined) {
      return problem(402, 'card_error', {
        code: 'card_declined',
        decline_code: declined,
        message: 'Your card was declined.',
      });
    }
    if (token === 'tok_threeDSecureRequired') {
      return problem(402, 'card_error', { code: 'authentication_required' });
    }
    if (!['tok_visa', 'pm_card_visa'].includes(token)) {
      return problem(400, 'invalid_request_error', {
        code: 'resource_missing',
        param: 'payment_method',
        message: `No such PaymentMethod: '${token}'`,
      });
    }
    if (used.has(token)) return problem(400, 'invalid_request_error', { code: 'token_already_used' });
    used.add(token);
    const method = token.startsWith('pm_') ? token : newId('pm');
    if (form['setup_future_usage'] === 'off_session') attached.set(method, form['customer'] ?? '');
    return hold(form, method);
  }

  /** A card that is kept may be charged again and again, by its customer's name and without its owner. */
  function createAgain(form: Record<string, string>): Answer {
    const method = form['payment_method'] ?? '';
    return form['customer'] && attached.get(method) === form['customer']
      ? hold(form, method)
      : problem(400, 'invalid_request_error', { code: 'resource_missing', param: 'payment_method' });
  }

  function hold(form: Record<string, string>, method: string): Answer {
    const intent = newIntent(form, method);
    intents.set(intent.id, intent);
    return ok({ ...intent });
  }

  function refund(form: Record<string, string>): Answer {
    const intent = intents.get(form['payment_intent'] ?? '');
    const amount = Number(form['amount']);
    if (!intent || intent.refunded + amount > intent.amount_received) {
      return problem(400, 'invalid_request_error', { code: 'charge_already_refunded' });
    }
    intent.refunded += amount;
    return ok({ id: newId('re'), object: 'refund', amount, status: 'succeeded' });
  }

  const listening = await listen((request, response) => void answer(request, response), 0, '127.0.0.1');
  return { url: listening.url, intents, calls, troubles, close: () => listening.close(0) };
}

function newId(kind: string): string {
  return `${kind}_${randomUUID().slice(0, 8)}`;
}

function newIntent(form: Record<string, string>, method: string): Intent {
  const { amount, currency = '', capture_method: capture, confirm } = form;
  if (capture !== 'manual' || confirm !== 'true') throw new Error('not an intent that is captured by hand');
  const card = { brand: 'visa', last4: '4242', capture_before: 1_796_083_200 };
  const charge = { id: newId('ch'), payment_method_details: { type: 'card', card } };
  return {
    id: newId('pi'),
    object: 'payment_intent',
    amount: Number(amount),
    currency,
    metadata: { order_id: form['metadata[order_id]'] ?? '' },
    status: 'requires_capture',
    amount_received: 0,
    refunded: 0,
    latest_charge: form['expand[0]'] === 'latest_charge' ? charge : charge.id,
    customer: form['customer'] ?? null,
    payment_method: method,
  };
}

function unexpectedState(intent: Intent): Answer {
  return problem(400, 'invalid_request_error', {
    code: 'payment_intent_unexpected_state',
    message: `This PaymentIntent has a status of ${intent.status}.`,
    payment_intent: { ...intent },
  });
}

function ok(body: Record<string, unknown>): Answer {
  return { status: 200, body };
}

function unauthorized(): Answer {
  return problem(401, 'invalid_request_error', { message: 'Invalid API Key provided' });
}

function problem(status: number, type: string, rest: Record<string, unknown> = {}): Answer {
  return { status, body: { error: { type, message: 'something went wrong', ...rest } } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_1' })
    .end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
