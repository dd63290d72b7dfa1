import type { Answer, TestService } from '../../support/service.ts';
import { startTestService } from '../../support/service.ts';
import { orderBody } from '../../support/customer.ts';
import { storefront } from '../../../services/storefront/service.ts';

export const SESSION_SECRET = 'a secret that is only for these tests';

/** A storefront as its customers reach it. */
export function startStorefront(env: Record<string, string> = {}): Promise<TestService> {
  return startTestService(storefront, { SESSION_SECRET, ...env });
}

/** An order that was placed, with the session of its customer. */
export interface Purchase {
  readonly id: string;
  readonly customerId: string;
  readonly cookie: string;
  readonly answer: Answer;
  /** Who and what every event about it names. */
  readonly ids: { readonly orderId: string; readonly customerId: string };
  /** The same, as payment and shipping name their parts. */
  readonly paid: { readonly orderId: string; readonly customerId: string; readonly paymentId: string };
  readonly sent: { readonly orderId: string; readonly customerId: string; readonly shipmentId: string };
}

/** Places an order, as a new customer unless a cookie says who. */
export async function place(
  shop: TestService,
  changes: Record<string, unknown> = {},
  cookie?: string,
): Promise<Purchase> {
  const headers = cookie === undefined ? {} : { cookie };
  const answer = await shop.call('POST', '/api/orders', { body: orderBody(changes), headers });
  if (answer.status !== 201) throw new Error(`the order was refused: ${JSON.stringify(answer.body)}`);
  const { id, customerId } = answer.body as { id: string; customerId: string };
  const ids = { orderId: id, customerId };
  return {
    id,
    customerId,
    cookie: cookie ?? cookieOf(answer),
    answer,
    ids,
    paid: { ...ids, paymentId: id.replace('TW-', 'PAY-') },
    sent: { ...ids, shipmentId: id.replace('TW-', 'SHP-') },
  };
}

export function cookieOf(answer: Answer): string {
  return answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
}

/** The order as its customer sees it. */
export async function viewOf(shop: TestService, { id, cookie }: Purchase): Promise<Answer['body']> {
  return (await shop.call('GET', `/api/orders/${id}`, { headers: { cookie } })).body;
}
