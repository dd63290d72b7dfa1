import type { Fact } from '../../platform/contract.ts';
import { problems } from '../../platform/errors.ts';
import type { Effects, Scope } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import type { OrderAccepted, OrderRequest } from './api/schemas.ts';
import { placed } from './decide.ts';
import type { Deps } from './handle.ts';
import { earlierAnswer, noteAnswer, type Keyed } from './idempotency.ts';
import { newCustomerId, newOrderId } from './ids.ts';
import type { Emits, Order } from './order.ts';
import { quoteFor, type Quote } from './quote.ts';
import { addAddress, nextRevision } from './store.ts';
import { record } from './timeline.ts';

/** An order as it comes in. */
export interface Submission {
  readonly request: OrderRequest;
  /** The customer of the session, when there is one. */
  readonly customerId: string | undefined;
  readonly keyed: Keyed | undefined;
}

export interface Placed {
  readonly answer: OrderAccepted;
  readonly replayed: boolean;
}

/** Requests without a session share a scope: the repeat of one whose answer was lost has none either. */
const GUESTS = 'guest';

/** Places an order, or answers as before when the same request came under the same key. */
export async function place(
  tx: Tx,
  submission: Submission,
  scope: Scope<Deps>,
): Promise<readonly [Placed, Effects<Emits>]> {
  const { customerId = newCustomerId(), request, keyed } = submission;
  const replay = await replayOf(tx, submission);
  if (replay) return [replay, {}];
  const quote = priceOf(request, scope.deps);
  const answer: OrderAccepted = {
    id: newOrderId(),
    status: 'placed',
    total: { amount: quote.total, currency: scope.deps.catalogue.currency },
    customerId,
  };
  if (keyed && !(await note(tx, submission, keyed, answer, scope.now))) {
    const winner = await replayOf(tx, submission);
    if (winner) return [winner, {}];
  }
  return [{ answer, replayed: false }, await store(tx, request, answer, quote, scope)];
}

async function replayOf(tx: Tx, { customerId, keyed }: Submission): Promise<Placed | undefined> {
  const answer = keyed && (await earlierAnswer<OrderAccepted>(tx, customerId ?? GUESTS, keyed));
  return answer && { answer, replayed: true };
}

async function note(
  tx: Tx,
  { customerId }: Submission,
  keyed: Keyed,
  answer: OrderAccepted,
  now: Date,
): Promise<boolean> {
  if (customerId !== undefined) return noteAnswer(tx, customerId, keyed, answer, now);
  // Under the new customer's name too: the repeat may come with the cookie that this answer brings.
  return (
    (await noteAnswer(tx, GUESTS, keyed, answer, now)) &&
    noteAnswer(tx, answer.customerId, keyed, answer, now)
  );
}

function priceOf({ lines, shippingAddress }: OrderRequest, { catalogue }: Deps): Quote {
  const result = quoteFor(catalogue, lines, shippingAddress.country);
  if ('quote' in result) return result.quote;
  const text = result.errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  throw problems.invalid(text, result.errors);
}

async function store(
  tx: Tx,
  request: OrderRequest,
  { id: orderId, customerId }: OrderAccepted,
  quote: Quote,
  { now, deps }: Scope<Deps>,
): Promise<Effects<Emits>> {
  const { contact, shippingAddress } = request;
  const { revision, contactChanged } = await nextRevision(tx, customerId, contact);
  await addAddress(tx, customerId, revision, shippingAddress, now);
  const confirmBy = new Date(now.getTime() + deps.orderDeadline);
  const order = placed({
    orderId,
    customerId,
    placedAt: now.toISOString(),
    confirmBy: confirmBy.toISOString(),
    lines: quote.lines,
    currency: deps.catalogue.currency,
    shippingFee: quote.shippingFee,
    total: quote.total,
    addressRevision: revision,
  });
  await record(tx, order, { event: 'order.placed', text: 'You placed the order.', at: now, live: deps.live });
  return {
    emit: announcements(order, quote, request, contactChanged),
    tasks: [{ kind: 'expire', key: orderId, payload: { orderId }, dueAt: confirmBy }],
  };
}

function announcements(
  order: Order,
  { zone }: Quote,
  { shippingAddress, contact, paymentToken }: OrderRequest,
  contactChanged: boolean,
): Fact<Emits>[] {
  const { orderId, customerId, lines, shippingFee, placedAt, confirmBy, addressRevision: revision } = order;
  const total = { amount: order.total, currency: order.currency };
  const facts: Fact<Emits>[] = [
    {
      event: 'order.placed',
      data: { orderId, customerId, lines, shippingFee, total, paymentToken, placedAt, confirmBy },
    },
    { event: 'order.addressed', data: { orderId, customerId, revision, zone, address: shippingAddress } },
  ];
  if (contactChanged) {
    facts.push({ event: 'customer.updated/contact', data: { customerId, revision, contact } });
  }
  return facts;
}
