import { isOpen, isOver } from './decide.ts';
import type { Order } from './order.ts';
import { outcomeOf, paymentOf } from './view.ts';

const UNDECIDED: ReadonlySet<string> = new Set(['pending', 'authorized', 'void_pending', 'refund_pending']);

/** Whether nothing more is to be heard of an order: it has ended, and so have its money, its goods and its requests. */
export function isFinished(order: Order): boolean {
  if (isOpen(order) || UNDECIDED.has(paymentOf(order).status)) return false;
  const { reserved, released } = order.stock;
  if (isOver(order) && reserved && !released) return false;
  return order.requests.every((request) => outcomeOf(order, request).outcome !== 'pending');
}
