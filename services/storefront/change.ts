import type { Address } from '../../events/shapes.ts';
import { problems } from '../../platform/errors.ts';
import type { Effects, Scope } from '../../platform/service.ts';
import type { Tx } from '../../platform/store/store.ts';
import { apply, type Deps } from './handle.ts';
import type { Emits, Order } from './order.ts';
import { notServed } from './quote.ts';
import { requestAddress, requestCancellation, whyNotCancel } from './requests.ts';
import { addAddress, findOwn, nextRevision, openOrdersOf } from './store.ts';

/** A customer moves: every open order asks for the new address, and shipping decides parcel by parcel. */
export async function changeAddress(
  tx: Tx,
  customerId: string,
  address: Address,
  scope: Scope<Deps>,
): Promise<readonly [number, Effects<Emits>]> {
  const zone = scope.deps.catalogue.zones.get(address.country)?.name;
  if (zone === undefined) {
    const error = notServed(scope.deps.catalogue, 'country', address.country);
    throw problems.invalid(`${error.field}: ${error.message}`, [error]);
  }
  const { revision } = await nextRevision(tx, customerId);
  await addAddress(tx, customerId, revision, address, scope.now);
  const requestedAt = scope.now.toISOString();
  for (const order of await openOrdersOf(tx, customerId, scope.now)) {
    await apply(tx, order, 'customer.updated', requestAddress(order, revision, requestedAt), scope);
  }
  const data = { customerId, revision, zone, address };
  return [revision, { emit: [{ event: 'customer.updated/shippingaddress', data }] }];
}

/** Asks for an order to be cancelled; asking twice is asking once. @throws Problem 404, or 409 when it is too late. */
export async function cancel(
  tx: Tx,
  orderId: string,
  customerId: string | undefined,
  scope: Scope<Deps>,
): Promise<readonly [Order, Effects<Emits>]> {
  const order = await findOwn(tx, orderId, customerId);
  if (!order) throw problems.notFound(`there is no order "${orderId}"`);
  const refusal = whyNotCancel(order);
  if (refusal !== undefined) throw problems.conflict(`order "${orderId}" cannot be cancelled: ${refusal}`);
  const decision = requestCancellation(order, scope.now.toISOString());
  if (decision.ignored !== undefined) return [order, {}];
  const effects = await apply(tx, order, 'order.cancellationrequested', decision, scope);
  return [decision.order, effects];
}
