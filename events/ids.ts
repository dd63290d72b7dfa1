/** An order of the shop's own storefront; events posted by hand may name theirs as they like. */
const OWN = /^TW-[0-9A-Z]{1,32}$/;
/** Before the name of any other order: no own one can look like that. */
const OTHER = 'x-';

/**
 * Shipments and payments are named after their order, `TW-…` → `SHP-…` and `PAY-…`: whoever tries again finds what the
 * first attempt made, and nobody has to be asked for a name. Two orders never share one.
 */
export function shipmentIdOf(orderId: string): string {
  return `SHP-${suffixOf(orderId)}`;
}

/** The payment of an order; see {@link shipmentIdOf}. */
export function paymentIdOf(orderId: string): string {
  return `PAY-${suffixOf(orderId)}`;
}

/** What the names of an order, its shipment and its payment have in common. */
export function suffixOf(orderId: string): string {
  return OWN.test(orderId) ? orderId.slice('TW-'.length) : `${OTHER}${orderId}`;
}

/** The order that a shipment is named after; `undefined` when it is no name of a shipment. */
export function orderIdOf(shipmentId: string): string | undefined {
  if (!shipmentId.startsWith('SHP-')) return undefined;
  const suffix = shipmentId.slice('SHP-'.length);
  return suffix.startsWith(OTHER) ? suffix.slice(OTHER.length) : `TW-${suffix}`;
}
