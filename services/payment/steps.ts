import type { TaskOrder } from '../../platform/service.ts';
import type { AuthorizeRequest, GatewayRequest, SettleRequest } from './gateway.ts';
import type { Order, Payment, Step } from './payment.ts';

/** The durable order for a call to the gateway; its payload is the request. */
export function stepTask(payment: Payment, step: Step): TaskOrder {
  const request = step.kind === 'authorize' ? authorizeRequest(payment, step) : settleRequest(payment, step);
  return { kind: step.kind, key: step.key, payload: { ...request } };
}

function authorizeRequest(payment: Payment, step: Step): AuthorizeRequest {
  const { token, saved } = orderOf(payment);
  if (token === undefined) throw new Error(`${payment.orderId} has no payment token any more`);
  return { ...commonOf(payment, step), token, ...(saved === undefined ? {} : { saved }) };
}

function settleRequest(payment: Payment, step: Step): SettleRequest {
  const hold = payment.superseded ?? payment.hold;
  if (!hold) throw new Error(`${payment.orderId} has no authorization to ${step.kind}`);
  return { ...commonOf(payment, step), reference: hold.reference };
}

function commonOf(payment: Payment, { key }: Step): GatewayRequest {
  const { orderId, customerId } = payment;
  const { amount, currency } = orderOf(payment);
  return { key, orderId, customerId, amount, currency };
}

function orderOf({ orderId, order }: Payment): Order {
  if (!order) throw new Error(`${orderId} was not placed yet`);
  return order;
}
