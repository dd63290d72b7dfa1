/**
 * Shipments and payments are named after their order, `TW-…` → `SHP-…` and `PAY-…`: whoever tries again finds what the
 * first attempt made, and nobody has to be asked for a name.
 */
export function shipmentIdOf(orderId: string): string {
  return `SHP-${suffixOf(orderId)}`;
}

/** The payment of an order; see {@link shipmentIdOf}. */
export function paymentIdOf(orderId: string): string {
  return `PAY-${suffixOf(orderId)}`;
}

/** The order's own part of its id. */
export function suffixOf(orderId: string): string {
  return orderId.slice('TW-'.length);
}

/** The order that a shipment is named after; `undefined` when it is no name of a shipment. */
export function orderIdOf(shipmentId: string): string | undefined {
  return shipmentId.startsWith('SHP-') ? `TW-${shipmentId.slice('SHP-'.length)}` : undefined;
}
