import { z } from 'zod';
import { shipmentIdOf } from '../../events/ids.ts';
import { address } from '../../events/shapes.ts';
import { stateOf, STATES, type Shipment } from './shipment.ts';

/** A shipment as staff sees it. */
export const shipmentView = z.object({
  id: z.string(),
  orderId: z.string(),
  customerId: z.string(),
  state: z.enum(STATES),
  reason: z.string().optional().describe('why it is cancelled or closed'),
  lines: z.array(z.object({ sku: z.string(), name: z.string(), quantity: z.int() })),
  address: address.optional(),
  addressRevision: z.int().optional(),
  trackingNumber: z.string().optional(),
  preparedAt: z.iso.datetime().optional(),
  dispatchedAt: z.iso.datetime().optional(),
  deliveredAt: z.iso.datetime().optional(),
});

export const shipmentWithLabels = shipmentView.extend({
  labels: z
    .array(z.object({ revision: z.int(), createdAt: z.iso.datetime() }))
    .describe('one per address it was labelled with; the last one counts'),
});

export function viewOf(shipment: Shipment): z.infer<typeof shipmentView> {
  const { orderId, customerId, lines = [], destination, label, dispatchedAt, deliveredAt } = shipment;
  const reason = reasonOf(shipment);
  return {
    id: shipmentIdOf(orderId),
    orderId,
    customerId,
    state: stateOf(shipment),
    ...(reason === undefined ? {} : { reason }),
    lines: [...lines],
    ...(destination ? { address: destination.address, addressRevision: destination.revision } : {}),
    ...label,
    ...(dispatchedAt === undefined ? {} : { dispatchedAt }),
    ...(deliveredAt === undefined ? {} : { deliveredAt }),
  };
}

/** The state in words: with its reason where it has one, or with what it waits for. */
export function stateText(shipment: Shipment): string {
  const state = stateOf(shipment);
  if (state === 'waiting') return `waiting for ${missingOf(shipment).join(' and ')}`;
  const reason = reasonOf(shipment);
  return reason === undefined ? state : `${state} (${reason})`;
}

function missingOf({ lines, destination, authorized, reserved }: Shipment): string[] {
  const parts: Record<string, unknown> = {
    'its order': lines,
    'its address': destination,
    'its payment': authorized,
    'its stock': reserved,
  };
  return Object.keys(parts).filter((part) => !parts[part]);
}

function reasonOf(shipment: Shipment): string | undefined {
  const state = stateOf(shipment);
  if (state === 'cancelled') return shipment.cancelled;
  return state === 'closed' ? shipment.closed : undefined;
}
